using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.XenStore.Sockets;

/// <summary>The protocol on a unix socket, however its bytes come, go, or do not.</summary>
[TestFixture, Platform("Linux")]
public sealed class SocketTransportTests
{
    private const XenStoreMessageType Read = XenStoreMessageType.Read, Write = XenStoreMessageType.Write, Watch = XenStoreMessageType.Watch;

    private SocketStore _store = null!;
    private SocketPeer _tool = null!;

    [SetUp]
    public async Task Start()
    {
        _store = await SocketStore.StartAsync();
        _tool = _store.OpenTool();
    }

    [TearDown]
    public async Task Stop()
    {
        Assert.That(_tool.Ask(Write, "/last\0word"), Is.EqualTo("OK\0"), "a well-behaved tool is served as ever");
        _store.ExpectSleep();
        _tool.Dispose();
        await _store.DisposeAsync();
    }

    [Test]
    public void A_byte_at_a_time_is_a_message_in_the_end()
    {
        foreach (var value in SocketPeer.Bytes(Write, "/slow\0ly", requestId: 5))
            _tool.SendBytes([value]);
        Assert.That(_tool.Receive(), Is.EqualTo((Write, 5u, "OK\0")));
        Assert.That(_tool.Ask(Read, "/slow\0"), Is.EqualTo("ly"));
    }

    [Test]
    public void Messages_that_come_together_are_answered_in_their_order([Values(1, 7, 4111, 5000)] int cut)
    {
        const uint requests = 500;
        var value = new string('v', 300);
        var bytes = Enumerable.Range(0, (int)requests)
            .SelectMany(i => i % 2 == 0 ? SocketPeer.Bytes(Write, $"/p{i / 2}\0{value}{i}", (uint)i) : SocketPeer.Bytes(Read, $"/p{i / 2}\0", (uint)i))
            .ToArray();
        var sending = Task.Run(() =>
        {
            for (var at = 0; at < bytes.Length; at += cut)
                _tool.SendBytes(bytes.AsSpan(at, Math.Min(cut, bytes.Length - at)));
        });
        for (var i = 0u; i < requests; i++)
            Assert.That(_tool.Receive(), Is.EqualTo(i % 2 == 0 ? (Write, i, "OK\0") : (Read, i, $"{value}{i - 1}")));
        Assert.That(sending.Wait(TimeSpan.FromSeconds(20)), Is.True);
    }

    [Test]
    public void The_longest_payload_is_taken_and_given()
    {
        var name = "/long\0";
        var value = new string('x', XenStoreLimits.PayloadBytes - name.Length);
        Assert.That(_tool.Ask(Write, name + value), Is.EqualTo("OK\0"));
        Assert.That(_tool.Ask(Read, name), Is.EqualTo(value));
    }

    [TestCase(XenStoreLimits.PayloadBytes + 1)]
    [TestCase(int.MaxValue)]
    [TestCase(-1)]
    public void A_message_that_is_too_long_ends_its_connection(int length)
    {
        using var bad = _store.OpenTool();
        Assert.That(bad.Ask(Watch, "/seen\0token\0"), Is.EqualTo("OK\0"));
        var header = SocketPeer.Bytes(Write, "");
        BitConverter.TryWriteBytes(header.AsSpan(12), length);
        bad.SendBytes(header);
        bad.ExpectEnd();
        Assert.That(_tool.Ask(Write, "/seen\0x"), Is.EqualTo("OK\0"));
        Assert.That(_store.LogLines, Has.Some.Contains("longer than the protocol allows"));
    }

    [Test]
    public void A_request_that_does_not_exist_is_refused_and_the_next_is_served()
    {
        Assert.That(_tool.Ask((XenStoreMessageType)4242, "what\0"), Is.EqualTo("ENOSYS\0"));
        Assert.That(_tool.Ask(XenStoreMessageType.WatchEvent, "/a\0b\0"), Is.EqualTo("ENOSYS\0"));
        Assert.That(_tool.Ask(Read, "/tool\0"), Is.Empty);
    }

    [Test]
    public void Who_says_no_more_still_gets_its_answers()
    {
        using var half = _store.OpenTool();
        for (var i = 0; i < 100; i++)
            half.Send(Write, $"/half/{i}\0x", (uint)i);
        half.SendBytes(SocketPeer.Bytes(Read, "/half/1\0")[..9]);
        half.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        for (var i = 0u; i < 100; i++)
            Assert.That(half.Receive(), Is.EqualTo((Write, i, "OK\0")));
        Assert.That(half.Receive(), Is.Null);
    }

    [Test]
    public void What_was_asked_for_is_done_though_nobody_waits_for_the_answer()
    {
        using (var hasty = _store.OpenTool())
        {
            for (var i = 0; i < 100; i++)
                hasty.Send(Write, $"/hasty/{i}\0x");
        }
        Assert.That(() => _tool.Ask(Read, "/hasty/99\0"), Is.EqualTo("x").After(10_000, 10));
    }

    [Test]
    public void A_transaction_ends_with_its_connection()
    {
        using (var gone = _store.OpenTool())
        {
            var id = uint.Parse(gone.Ask(XenStoreMessageType.TransactionStart, "\0").TrimEnd('\0'));
            Assert.That(gone.Ask(Write, "/inside\0x", id), Is.EqualTo("OK\0"));
        }
        _store.ExpectSleep();
        Assert.That(_tool.Ask(Read, "/inside\0"), Is.EqualTo("ENOENT\0"));
        using var next = _store.OpenTool();
        Assert.That(next.Ask(Read, "/inside\0", 1), Is.EqualTo("ENOENT\0"), "the number is nobody's");
    }

    [Test]
    public void Watchers_hear_of_a_change_once_each()
    {
        var watchers = Enumerable.Range(0, 50).Select(_ => _store.OpenTool()).ToList();
        foreach (var watcher in watchers)
        {
            watcher.Ask(Watch, "/hot\0t\0");
            Assert.That(watcher.Receive()?.Payload, Is.EqualTo("/hot\0t\0"));
        }
        _tool.Ask(Write, "/hot/a\0x");
        foreach (var watcher in watchers)
        {
            Assert.That(watcher.Receive(), Is.EqualTo((XenStoreMessageType.WatchEvent, 0u, "/hot/a\0t\0")));
            Assert.That(watcher.Ask(Read, "/hot/a\0"), Is.EqualTo("x"));
            watcher.Dispose();
        }
        Assert.That(_tool.Ask(Write, "/hot/b\0x"), Is.EqualTo("OK\0"));
    }

    [Test]
    public void Whoever_does_not_read_is_not_served_on_and_stalls_nobody()
    {
        _tool.Ask(Write, $"/big\0{new string('b', 4000)}");
        using var deaf = _store.OpenTool();
        var request = SocketPeer.Bytes(Read, "/big\0");
        var sent = deaf.SendUntilFull(request);
        Assert.That(sent, Is.LessThan(100_000), "requests are taken without end");
        Assert.That(_tool.Ask(Read, "/tool\0"), Is.Empty);

        for (var i = 0; i < sent / request.Length; i++)
            Assert.That(deaf.Receive()?.Payload.Length, Is.EqualTo(4000));
    }

    [Test]
    public void Whoever_hears_of_everything_and_reads_nothing_is_dropped()
    {
        using var deaf = _store.OpenTool();
        deaf.Send(Watch, "/\0all\0");
        var path = "/" + string.Join('/', Enumerable.Repeat(new string('p', 200), 9));
        for (var i = 0; i < 6000; i++)
            _tool.Ask(XenStoreMessageType.MakeDirectory, $"{path}/{i}\0");
        Assert.That(_store.LogLines, Has.Some.Contains("does not take"));
        deaf.ExpectEnd();
    }

    [Test]
    public void A_deaf_one_that_leaves_is_gone_at_once()
    {
        _tool.Ask(Write, $"/big\0{new string('b', 4000)}");
        using (var deaf = _store.OpenTool())
        {
            deaf.Ask(XenStoreMessageType.TransactionStart, "\0");
            deaf.SendUntilFull(SocketPeer.Bytes(Read, "/big\0"));
        }
        _store.ExpectSleep();
        Assert.That(_store.LogLines, Is.Empty);
    }

    [Test]
    public void Any_bytes_cost_nobody_but_their_sender()
    {
        var random = new Random(20261121);
        for (var round = 0; round < 200; round++)
        {
            using var bad = _store.OpenTool();
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0 && bytes.Length > 16)
            {
                // A header that makes sense, so that what stands behind it is looked at.
                BitConverter.TryWriteBytes(bytes, random.Next(25));
                BitConverter.TryWriteBytes(bytes.AsSpan(12), random.Next(60));
            }
            bad.SendBytes(bytes);
        }
        Assert.That(_tool.Ask(Read, "/tool\0"), Is.Empty);
    }

    [Test]
    public void Connections_leave_no_descriptors()
    {
        static int Open() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

        _store.ExpectSleep();
        var before = Open();
        for (var round = 0; round < 5; round++)
        {
            var many = Enumerable.Range(0, 100).Select(_ => _store.OpenTool()).ToList();
            foreach (var one in many)
                Assert.That(one.Ask(Read, "/tool\0"), Is.Empty);
            many.ForEach(one => one.Dispose());
        }
        Assert.That(Open, Is.LessThan(before + 20).After(10_000, 20), "500 were opened");
    }
}
