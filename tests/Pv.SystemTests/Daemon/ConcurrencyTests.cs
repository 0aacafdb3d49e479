using System.Globalization;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Daemon;

/// <summary>Many <c>xl</c> on one <c>pvd</c> at once, and <c>xl</c> that are killed: no domain is lost, and none is half made.</summary>
[TestFixture]
public sealed class ConcurrencyTests
{
    private const int Many = 100, Rounds = 12;

    private PvHost _host = null!;

    [SetUp]
    public async Task StartAsync() => _host = await PvHost.StartAsync(memory: 1024);

    [TearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    private Task<Command[]> AllAtOnceAsync(Func<int, string[]> words) => Task.WhenAll(Enumerable.Range(0, Many).Select(i => _host.XlAsync(words(i))));

    /// <summary>Nodes that Dom0 owns: what is forgotten of a domain would be among them.</summary>
    private async Task<string> TracesAsync()
    {
        var text = await _host.XlOutputAsync("metrics");
        return string.Join('\n', text.Split('\n').Where(line => line.StartsWith("pv_xenstore_nodes", StringComparison.Ordinal) || line.StartsWith("pv_host_free", StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_hundred_create_rename_and_destroy_at_once()
    {
        var config = _host.WriteSample("guest");
        // The first of all makes what stays for ever.
        await _host.XlOutputAsync("create", "-q", config);
        await _host.XlOutputAsync("destroy", "guest");
        var before = await TracesAsync();

        var created = await AllAtOnceAsync(i => ["create", "-q", config, $"name=\"g{i}\""]);
        Assert.That(created.Select(done => (done.ExitCode, done.Errors)), Has.All.EqualTo((0, "")));
        var listed = await _host.ListAsync();
        Assert.That(listed.Select(domain => domain.Name), Is.EquivalentTo(Enumerable.Range(0, Many).Select(i => $"g{i}").Append("Domain-0")));
        Assert.That(listed.Select(domain => domain.Id), Is.Unique);

        var mixed = await AllAtOnceAsync(i => (i % 4) switch
        {
            0 => ["rename", $"g{i}", $"r{i}"],
            1 => ["pause", $"g{i}"],
            2 => ["list", $"g{i}"],
            _ => ["domid", $"g{i}"],
        });
        Assert.That(mixed.Select(done => done.ExitCode), Has.All.Zero);
        var destroyed = await AllAtOnceAsync(i => ["destroy", i % 4 == 0 ? $"r{i}" : $"g{i}"]);
        Assert.That(destroyed.Select(done => (done.ExitCode, done.Errors)), Has.All.EqualTo((0, "")));
        Assert.That(await TracesAsync(), Is.EqualTo(before));
    }

    [Test]
    public async Task Of_several_creates_of_one_name_one_wins()
    {
        var config = _host.WriteSample("guest");
        for (var round = 0; round < 3; round++)
        {
            var done = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _host.XlAsync("create", "-q", config)));
            Assert.That(done.Count(one => one.ExitCode == 0), Is.EqualTo(1));
            Assert.That(done.Where(one => one.ExitCode != 0).Select(one => (one.ExitCode, one.Errors)), Has.All.EqualTo((3, "Domain with name \"guest\" already exists.\n")));
            Assert.That(await _host.ListAsync(), Has.Count.EqualTo(2));
            await _host.XlOutputAsync("destroy", "guest");
        }
    }

    [Test]
    public async Task A_create_that_is_killed_leaves_a_domain_or_nothing()
    {
        var disk = Path.Combine(_host.Folder, "disk.raw");
        await File.WriteAllBytesAsync(disk, new byte[1 << 20]);
        var config = _host.WriteSample("guest", more: $"disk=['{disk},raw,xvda,rw']");
        await _host.XlOutputAsync("create", "-q", config);
        await _host.XlOutputAsync("destroy", "guest");
        var before = await TracesAsync();

        // From before xl has connected to after its end, the points in between by chance.
        var (random, whole) = (new Random(11), 0);
        for (var round = 0; round < Rounds; round++)
        {
            await using (var create = _host.OpenXl("create", "-q", config))
            {
                await Task.Delay(random.Next(20, 200));
                Command.Run("kill", ["-KILL", create.ProcessId.ToString(CultureInfo.InvariantCulture)], _host.Folder);
                await create.ExitAsync();
            }
            // Whoever asks for the name next finds all of it, or makes it.
            var next = await _host.XlAsync("create", "-q", config);
            whole += next.ExitCode == 0 ? 0 : 1;
            Assert.That(next.ExitCode == 0 || next.Errors.Contains("already exists", StringComparison.Ordinal), next.Errors);
            // A part of one is paused until it is taken away.
            if ((await _host.XlAsync("wait", "-t", "500ms", "guest", "running")).ExitCode == 0)
            {
                await using var console = _host.OpenXl("console", "guest");
                await console.AskAsync("xs read name", "\nguest\r\n");
            }
            await PvHost.UntilAsync(async () => (await _host.XlAsync("destroy", "guest")).ExitCode != 0);
            // pvd may hear of the killed one last of all.
            var traces = "";
            await PvHost.UntilAsync(async () => (traces = await TracesAsync()) == before, () => $"round {round}: {traces}, not {before}");
        }
        TestContext.Out.WriteLine($"{whole} of {Rounds} left a domain");
    }
}
