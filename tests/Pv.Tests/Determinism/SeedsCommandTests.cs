using NUnit.Framework;
using Pv.Tests.Commands;
using Pv.Toolstack.Commands;

namespace Pv.Tests.Determinism;

/// <summary><c>xl seeds</c>: its words, what it prints, how it ends.</summary>
[TestFixture]
internal sealed class SeedsCommandTests
{
    private FakeToolstack _host = new();
    private FakeTerminal _terminal = new();

    [SetUp]
    public void Fresh()
    {
        (_host, _terminal) = (new FakeToolstack(), new FakeTerminal { Directory = Directory.CreateTempSubdirectory("pv-seeds-").FullName });
        Write("kernel", "no kernel, which this toolstack does not mind");
        Write("a.cfg", "name='a'\nkernel='kernel'\n");
        Write("disk.cfg", "name='disk'\nkernel='kernel'\ndisk=['x,raw,xvda,w']\n");
    }

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_terminal.Directory, name), content);

    [TearDown]
    public void Remove() => Directory.Delete(_terminal.Directory, recursive: true);

    [Test]
    public async Task A_search_counts_and_names_the_seeds_that_fail()
    {
        _host.BadSeeds[4] = "a crashed: it fell";
        Assert.That(await RunAsync("seeds", "-n", "2..7", "a.cfg", "-o", "trace"), Is.EqualTo(1));
        Assert.That(_terminal.Output, Does.Match(
            @"^6 seeds, 6 interleavings, 3 different traces, 12 hypercalls, 1 failures, \d+\.\d s\nseed 4 failed: a crashed: it fell\n"
            + @"Seed 4 was run again and did the same, call by call\. To see it: xl seeds --replay 4 with the other words as they are\.\n$"));
        Assert.That(await File.ReadAllTextAsync(Path.Combine(_terminal.Directory, "trace")), Is.EqualTo("trace of 4\n"));
    }

    [Test]
    public async Task A_replay_shows_the_console_and_the_trace()
    {
        Assert.That(await RunAsync("seeds", "--replay", "9", "a.cfg", "-t", "2s"), Is.Zero);
        Assert.That(_terminal.Output, Is.EqualTo("console of a\nseed 9: 2 hypercalls, 2.000000 s of the machine's time, trace hash0\n"));
    }

    [TestCase("0", "'0' is no seed: seeds are numbers from 1 on, several are 1..1000.")]
    [TestCase("1..x", "'x' is no seed: seeds are numbers from 1 on, several are 1..1000.")]
    [TestCase("9..2", "'9..2' are no seeds: the first is behind the last.")]
    public async Task What_is_no_seed_is_refused(string word, string sentence)
    {
        Assert.That(await RunAsync("seeds", "-n", word, "a.cfg"), Is.EqualTo(2));
        Assert.That(_terminal.Errors, Is.EqualTo(sentence + "\n"));
    }

    [Test]
    public async Task A_disk_is_refused()
    {
        Assert.That(await RunAsync("seeds", "disk.cfg"), Is.Not.Zero);
        Assert.That(_terminal.Errors, Is.EqualTo("Domain disk has disks, which are files of the host: in deterministic mode there are none.\n"));
    }

    private Task<int> RunAsync(params string[] words)
        => new CommandRunner(_host).RunAsync(new(words, _terminal.Directory, [], _terminal.Facts), _terminal);
}
