using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.Guest.Live;
using Pv.Toolstack.Domains;

namespace Pv.Tests.Channels;

/// <summary>Channels between a guest's driver and what connects to them on the host.</summary>
[TestFixture, Platform("Linux"), CancelAfter(60_000)]
public sealed class ChannelBackendTests
{
    private const string Socket = "\"connection=socket,name=agent,path=agent.socket\"", Pty = "\"connection=pty,name=second\"";
    private const int OutProducer = 3084, InConsumer = 3072;

    private ChannelMachine _machine = null!;

    private static CancellationToken Token => TestContext.CurrentContext.CancellationToken;

    [SetUp]
    public void Start() => _machine = new ChannelMachine();

    [TearDown]
    public ValueTask End() => _machine.DisposeAsync();

    [Test]
    public async Task Programs_speak_with_the_guest_one_after_the_other()
    {
        await _machine.StartAsync(Socket, async guest =>
        {
            var front = new ChannelFront(guest, 1);
            await front.ConnectAsync();
            await front.EchoAsync();
        });
        for (var round = 0; round < 3; round++)
        {
            using var program = await _machine.ConnectAsync("agent.socket");
            await program.SendAsync(Encoding.ASCII.GetBytes($"round {round}"), Token);
            Assert.That(await ChannelMachine.ReadAsync(program, 7), Is.EqualTo($"ROUND {round}"));
        }
    }

    [Test]
    public async Task Nothing_is_lost_however_slowly_the_program_reads()
    {
        await _machine.StartAsync(Socket, async guest =>
        {
            var front = new ChannelFront(guest, 1);
            await front.ConnectAsync();
            await front.EchoAsync();
        });
        using var program = await _machine.ConnectAsync("agent.socket");
        var text = string.Concat(Enumerable.Range(0, 60_000).Select(i => $"LINE {i}\n"));
        var sending = Task.Run(async () =>
        {
            for (var rest = Encoding.ASCII.GetBytes(text).AsMemory(); !rest.IsEmpty;)
                rest = rest[await program.SendAsync(rest, Token)..];
        });
        Assert.That(await ChannelMachine.ReadAsync(program, text.Length), Is.EqualTo(text));
        await sending;
    }

    [Test]
    public async Task What_is_written_before_the_driver_is_there_waits_for_it()
    {
        var begin = new TaskCompletionSource();
        await _machine.StartAsync(Socket, async guest =>
        {
            while (!begin.Task.IsCompleted)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
            var front = new ChannelFront(guest, 1);
            await front.ConnectAsync();
            await front.EchoAsync();
        });
        using var program = await _machine.ConnectAsync("agent.socket");
        await program.SendAsync("early"u8.ToArray(), Token);
        begin.SetResult();
        Assert.That(await ChannelMachine.ReadAsync(program, 5), Is.EqualTo("EARLY"));
    }

    [Test]
    public async Task A_channel_without_a_socket_is_a_console_of_that_number()
    {
        await _machine.StartAsync($"{Socket}, {Pty}", async guest =>
        {
            var front = new ChannelFront(guest, 2);
            await front.ConnectAsync();
            await front.Ring.WriteAsync("hello "u8.ToArray());
            await front.EchoAsync();
        });
        Assert.That(_machine.Machine.Consoles.Attach(_machine.Domain, 1), Is.Null, "a socket is none");
        var console = _machine.Machine.Consoles.Attach(_machine.Domain, 2)!;
        await console.WriteAsync("typed"u8.ToArray(), Token);
        Assert.That(await ReadAsync(console, 11), Is.EqualTo("hello TYPED"));
        await _machine.EndAsync();
        Assert.That(await console.ReadAsync(new byte[1], Token), Is.Zero);
        await console.DisposeAsync();
    }

    [TestCase(OutProducer)]
    [TestCase(InConsumer)]
    public async Task Indices_that_cannot_be_true_cost_their_channel_alone(int index)
    {
        await _machine.StartAsync($"{Socket}, {Pty}", async guest =>
        {
            var (bad, good) = (new ChannelFront(guest, 1), new ChannelFront(guest, 2));
            await good.ConnectAsync();
            guest.Spawn(good.EchoAsync);
            await bad.ConnectAsync();
            bad.Page.WriteUInt32Release(index, 0x80000000);
            bad.Channel.Notify();
            await bad.End.WaitForPeerAsync(XenbusState.Closing);
            // A driver that begins anew has its channel again.
            await bad.End.TrySwitchAsync(XenbusState.Closed);
            await bad.End.WaitForPeerAsync(XenbusState.Closed);
            await bad.End.TrySwitchAsync(XenbusState.Initialising);
            await bad.ConnectAsync();
            await bad.EchoAsync();
        });
        using var program = await _machine.ConnectAsync("agent.socket");
        var console = _machine.Machine.Consoles.Attach(_machine.Domain, 2)!;
        await console.WriteAsync("good"u8.ToArray(), Token);
        Assert.That(await ReadAsync(console, 4), Is.EqualTo("GOOD"));
        // The broken ring is noticed when something is written into it, and what was written is lost with it.
        while (!_machine.Machine.Log.Any(line => line.Contains("channel 1", StringComparison.Ordinal) && line.Contains("closed", StringComparison.Ordinal)))
        {
            await program.SendAsync("x"u8.ToArray(), Token);
            await Task.Delay(1, Token);
        }
        await program.SendAsync("end"u8.ToArray(), Token);
        var heard = "";
        while (!heard.EndsWith("END", StringComparison.Ordinal))
            heard += await ChannelMachine.ReadAsync(program, 1);
        await console.WriteAsync("still"u8.ToArray(), Token);
        Assert.That(await ReadAsync(console, 5), Is.EqualTo("STILL"));
        await console.DisposeAsync();
    }

    [Test]
    public async Task A_grant_that_is_none_is_told_in_the_store()
    {
        var told = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _machine.StartAsync(Socket, async guest =>
        {
            var front = new ChannelFront(guest, 1);
            await front.End.WaitForPeerAsync(XenbusState.InitWait);
            await front.End.TrySwitchAsync(XenbusState.Initialised, ("ring-ref", "4711"), ("port", "9"));
            await front.End.WaitForPeerAsync(XenbusState.Closing);
            told.SetResult(null);
        });
        await told.Task.WaitAsync(Token);
        Assert.That(await _machine.Machine.Store.ReadAsync($"/local/domain/0/error/backend/console/{_machine.Domain.Value}/1/error"), Does.StartWith("22 "));
    }

    [Test]
    public async Task The_end_is_seen_by_programs_and_takes_the_socket_away()
    {
        await _machine.StartAsync(Socket, async guest =>
        {
            var front = new ChannelFront(guest, 1);
            await front.ConnectAsync();
            await front.EchoAsync();
        });
        using var program = await _machine.ConnectAsync("agent.socket");
        await program.SendAsync("x"u8.ToArray(), Token);
        Assert.That(await ChannelMachine.ReadAsync(program, 1), Is.EqualTo("X"));
        await _machine.EndAsync();
        Assert.That(await ChannelMachine.ReadAsync(program, 1), Is.Empty);
        Assert.That(File.Exists(_machine.PathOf("agent.socket")), Is.False);
    }

    [Test]
    public async Task A_program_that_does_not_read_does_not_hold_up_the_end()
    {
        await _machine.StartAsync(Socket, async guest =>
        {
            var front = new ChannelFront(guest, 1);
            await front.ConnectAsync();
            var chunk = new byte[1];
            await front.Ring.ReadAsync(chunk);
            while (true)
                await front.Ring.WriteAsync(new byte[2000]);
        });
        using var program = await _machine.ConnectAsync("agent.socket");
        await program.SendAsync("x"u8.ToArray(), Token);
        // It has begun to flood the program.
        await ChannelMachine.ReadAsync(program, 1);
        await _machine.EndAsync().WaitAsync(LiveMachine.Patience);
    }

    [Test]
    public async Task A_path_that_is_taken_is_refused()
    {
        var path = _machine.PathOf("agent.socket");
        await File.WriteAllTextAsync(path, "a file");
        var refused = Assert.ThrowsAsync<IOException>(() => _machine.StartAsync(Socket, _ => Task.CompletedTask));
        Assert.That(refused!.Message, Does.StartWith("channel 1 of domain ").And.Contain(path));
        Assert.That(await File.ReadAllTextAsync(path), Is.EqualTo("a file"));
    }

    [Test]
    public async Task A_domain_that_is_kept_leaves_its_socket_to_its_successor()
    {
        var first = await _machine.Machine.CreateShellAsync("first", $"channel=[{Socket}]\non_poweroff=\"preserve\"");
        var before = _machine.Machine.Domains.WaitForShutdownAsync(first, Token);
        var refused = Assert.ThrowsAsync<IOException>(() => _machine.Machine.CreateShellAsync("second", $"channel=[{Socket}]"));
        Assert.That(refused!.Message, Does.Contain("agent.socket"));
        await using (var console = _machine.Machine.Consoles.Attach(first, 0)!)
            await console.WriteAsync("shutdown\r"u8.ToArray(), Token);
        await before.WaitAsync(Token);
        var second = await _machine.Machine.CreateShellAsync("second", $"channel=[{Socket}]");
        var channels = await _machine.Machine.Domains.ListChannelsAsync(second);
        Assert.That(channels.Select(channel => (channel.Number, channel.Name, channel.State, channel.Port, channel.RingRef, channel.Path)),
            Is.EqualTo(new[] { (1, "agent", XenbusState.Initialising, -1, -1, _machine.PathOf("agent.socket")) }));
        using var program = await _machine.ConnectAsync("agent.socket");
    }

    private static async Task<string> ReadAsync(IConsoleReader console, int count)
    {
        var bytes = new byte[count];
        for (var have = 0; have < count;)
            have += await console.ReadAsync(bytes.AsMemory(have), Token);
        return Encoding.ASCII.GetString(bytes);
    }
}
