using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Tests.Consoles;

[TestFixture, CancelAfter(60_000)]
public class ConsoleDaemonTests
{
    private const int InConsumer = 3072, OutProducer = 3084;

    private FakeConsole _console = null!;

    private static CancellationToken Token => TestContext.CurrentContext.CancellationToken;

    [SetUp]
    public void Create() => _console = new FakeConsole();

    [TearDown]
    public ValueTask End() => _console.EndAsync();

    [Test]
    public async Task A_reader_sees_what_was_said_before_it_came_and_after()
    {
        _console.Say("before "u8);
        await using var early = _console.Attach();
        Assert.That(await ReadAsync(early, 7), Is.EqualTo("before "));
        await using var late = _console.Attach();
        _console.Say("after"u8);
        Assert.That(await ReadAsync(early, 5), Is.EqualTo("after"));
        Assert.That(await ReadAsync(late, 12), Is.EqualTo("before after"));
    }

    [Test]
    public async Task Any_number_of_readers_sees_all_of_it()
    {
        var readers = Enumerable.Range(0, 20).Select(_ => _console.Attach()).ToList();
        var text = string.Concat(Enumerable.Range(0, 2000).Select(i => $"line {i}\n"));
        var reading = readers.Select(reader => ReadAsync(reader, text.Length)).ToList();
        _console.Say(Encoding.ASCII.GetBytes(text));
        foreach (var read in reading)
            Assert.That(await read, Is.EqualTo(text));
        foreach (var reader in readers)
            await reader.DisposeAsync();
    }

    [Test]
    public async Task A_reader_that_is_too_slow_stalls_nobody_and_is_told_what_it_missed()
    {
        await using var slow = _console.Attach();
        var said = Enumerable.Range(0, 300_000).Select(i => (byte)('a' + (i % 26))).ToArray();
        _console.Say(said);
        await _console.Daemon.CloseAsync(FakeConsole.Domain);

        const int kept = 64 << 10;
        var mark = $"\r\n[{said.Length - kept} bytes lost: too slow a reader]\r\n";
        Assert.That(await ReadToEndAsync(slow), Is.EqualTo(mark + Encoding.ASCII.GetString(said[^kept..])));
    }

    [Test]
    public async Task The_log_has_everything_while_that_fits()
    {
        var text = string.Concat(Enumerable.Range(0, 5000).Select(i => $"line {i}\n"));
        _console.Say(Encoding.ASCII.GetBytes(text));
        await _console.Daemon.CloseAsync(FakeConsole.Domain);
        Assert.That(File.ReadAllText(_console.LogPath), Is.EqualTo(text));
    }

    [Test]
    public async Task The_log_keeps_to_its_limit_and_has_the_newest()
    {
        var small = new FakeConsole(log: 10_000);
        var text = string.Concat(Enumerable.Range(0, 10_000).Select(i => $"line {i}\n"));
        small.Say(Encoding.ASCII.GetBytes(text));
        await small.Daemon.CloseAsync(FakeConsole.Domain);
        var log = File.ReadAllText(small.LogPath + ".1") + File.ReadAllText(small.LogPath);
        Assert.That(log.Length, Is.InRange(5_000, 10_000));
        Assert.That(text, Does.EndWith(log));
        await small.EndAsync();
    }

    [Test]
    public async Task A_log_that_cannot_be_written_costs_only_the_log()
    {
        Directory.CreateDirectory(_console.LogPath);
        _console.Say("still "u8);
        _console.Say("here"u8);
        await using var reader = _console.Attach();
        Assert.That(await ReadAsync(reader, 10), Is.EqualTo("still here"));
        await _console.Daemon.CloseAsync(FakeConsole.Domain);
        Assert.That(_console.Reports, Has.Count.EqualTo(1).And.Some.Contains("console.log"));
    }

    [Test]
    public async Task What_is_typed_waits_for_the_domain_to_take_it()
    {
        await using var reader = _console.Attach();
        var typed = Enumerable.Range(0, 5000).Select(i => (byte)(i % 251)).ToArray();
        var typing = reader.WriteAsync(typed, Token).AsTask();
        var heard = new List<byte>();
        while (heard.Count < typed.Length)
            heard.AddRange(await _console.HearAsync(300));
        await typing;
        Assert.That(heard, Is.EqualTo(typed));
    }

    [Test]
    public async Task Two_who_type_take_turns()
    {
        await using var first = _console.Attach();
        await using var second = _console.Attach();
        var typing = Task.WhenAll(
            first.WriteAsync(Enumerable.Repeat((byte)'a', 3000).ToArray(), Token).AsTask(),
            second.WriteAsync(Enumerable.Repeat((byte)'b', 3000).ToArray(), Token).AsTask());
        var heard = new List<byte>();
        while (heard.Count < 6000)
            heard.AddRange(await _console.HearAsync(1000));
        await typing;
        var changes = heard.Zip(heard.Skip(1)).Count(pair => pair.First != pair.Second);
        Assert.That(changes, Is.EqualTo(1));
    }

    [Test]
    public async Task A_domain_that_takes_nothing_holds_up_its_typist_only()
    {
        await using var reader = _console.Attach();
        using var cancel = new CancellationTokenSource();
        var typing = reader.WriteAsync(new byte[2000], cancel.Token).AsTask();
        _console.Say("output goes on"u8);
        Assert.That(await ReadAsync(reader, 14), Is.EqualTo("output goes on"));
        Assert.That(typing.IsCompleted, Is.False);
        await cancel.CancelAsync();
        Assert.That(async () => await typing, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task Reading_can_be_given_up()
    {
        await using var reader = _console.Attach();
        using var cancel = new CancellationTokenSource();
        var reading = reader.ReadAsync(new byte[10], cancel.Token).AsTask();
        await cancel.CancelAsync();
        Assert.That(async () => await reading, Throws.InstanceOf<OperationCanceledException>());
        _console.Say("x"u8);
        Assert.That(await ReadAsync(reader, 1), Is.EqualTo("x"));
    }

    [Test]
    public async Task The_end_comes_after_the_last_words()
    {
        await using var reader = _console.Attach();
        var typing = reader.WriteAsync(new byte[2000], Token).AsTask();
        _console.Say("Bye."u8);
        await _console.Daemon.CloseAsync(FakeConsole.Domain);
        Assert.That(await ReadAsync(reader, 4), Is.EqualTo("Bye."));
        Assert.That(await reader.ReadAsync(new byte[10], Token), Is.Zero);
        Assert.That(async () => await typing, Throws.InstanceOf<IOException>());
        Assert.That(async () => await reader.WriteAsync(new byte[1], Token), Throws.InstanceOf<IOException>());
        Assert.That(_console.IsDisposed, Is.True);
        Assert.That(_console.Daemon.Attach(FakeConsole.Domain, 0), Is.Null);
        await _console.Daemon.CloseAsync(FakeConsole.Domain);
    }

    [TestCase(2049u)]
    [TestCase(0x80000000u)]
    [TestCase(uint.MaxValue)]
    public async Task A_producer_that_cannot_be_ends_the_console(uint producer)
    {
        await using var reader = _console.Attach();
        _console.Page.WriteUInt32Release(OutProducer, producer);
        _console.Raise();
        Assert.That(await ReadToEndAsync(reader), Does.Contain("the console is broken"));
        Assert.That(_console.Reports, Has.Some.Contains("given up"));
    }

    [Test]
    public async Task A_consumer_that_cannot_be_ends_the_console()
    {
        await using var reader = _console.Attach();
        _console.Page.WriteUInt32Release(InConsumer, 5);
        Assert.That(async () => await reader.WriteAsync("x"u8.ToArray(), Token), Throws.InstanceOf<IOException>());
        Assert.That(await ReadToEndAsync(reader), Does.Contain("the console is broken"));
    }

    [Test]
    public async Task Random_writes_all_over_the_page_end_at_most_the_console()
    {
        var random = new Random(7);
        for (var round = 0; round < 100; round++)
        {
            var console = new FakeConsole(scrollback: 4096);
            await using (var reader = console.Attach())
            {
                for (var i = 0; i < 20; i++)
                {
                    console.Page.WriteUInt32Release(3072 + (4 * random.Next(4)), random.Next(2) == 0 ? (uint)random.Next() : (uint)random.Next(2100));
                    console.Raise();
                }
                await console.Daemon.CloseAsync(FakeConsole.Domain);
                await ReadToEndAsync(reader);
            }
            Assert.That(console.IsDisposed, Is.True);
            await console.EndAsync();
        }
    }

    [Test]
    public void A_domain_has_one_console()
    {
        Assert.That(_console.Daemon.Attach(FakeConsole.Domain, 1), Is.Null);
        Assert.That(_console.Daemon.Attach(new DomId(8), 0), Is.Null);
    }

    private static async Task<string> ReadAsync(IConsoleReader reader, int count)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await reader.ReadAsync(bytes.AsMemory(at), Token);
            if (read == 0)
                return Encoding.ASCII.GetString(bytes, 0, at);
            at += read;
        }
        return Encoding.ASCII.GetString(bytes);
    }

    private static async Task<string> ReadToEndAsync(IConsoleReader reader)
    {
        var text = new StringBuilder();
        var bytes = new byte[1000];
        while (await reader.ReadAsync(bytes, Token) is > 0 and var read)
            text.Append(Encoding.Latin1.GetString(bytes, 0, read));
        return text.ToString();
    }
}
