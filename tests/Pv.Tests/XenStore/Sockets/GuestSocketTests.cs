using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.XenStore.Sockets;

/// <summary>A domain on a socket in place of a ring: its rights, its introduction, its end.</summary>
[TestFixture, Platform("Linux")]
public sealed class GuestSocketTests
{
    private const XenStoreMessageType Read = XenStoreMessageType.Read, Write = XenStoreMessageType.Write;

    private SocketStore _store = null!;
    private SocketPeer _tool = null!;

    [SetUp]
    public async Task Start()
    {
        _store = await SocketStore.StartAsync();
        _tool = _store.OpenTool();
        _tool.Ask(Write, "/local/domain/1/data\0");
        _tool.Ask(XenStoreMessageType.SetPerms, "/local/domain/1/data\0n1\0");
    }

    [TearDown]
    public async Task Stop()
    {
        _store.ExpectSleep();
        _tool.Dispose();
        await _store.DisposeAsync();
    }

    [Test]
    public void It_has_its_domains_rights_and_no_others()
    {
        using var guest = _store.OpenGuest();
        Assert.That(guest.Ask(Write, "data/mine\0x"), Is.EqualTo("OK\0"));
        Assert.That(_tool.Ask(Read, "/local/domain/1/data/mine\0"), Is.EqualTo("x"));
        Assert.That(guest.Ask(Write, "/theirs\0x"), Is.EqualTo("EACCES\0"));
        Assert.That(guest.Ask(XenStoreMessageType.Control, "check\0"), Is.EqualTo("EACCES\0"));
    }

    [Test]
    public void It_is_introduced_when_it_comes_and_released_when_it_goes()
    {
        foreach (var special in new[] { "@introduceDomain", "@releaseDomain" })
        {
            _tool.Ask(XenStoreMessageType.Watch, $"{special}\0t\0");
            Assert.That(_tool.Receive()?.Payload, Is.EqualTo($"{special}\0t\0"));
        }
        using (var guest = _store.OpenGuest())
        {
            Assert.That(_tool.Receive()?.Payload, Is.EqualTo("@introduceDomain\0t\0"));
            Assert.That(_tool.Ask(XenStoreMessageType.IsDomainIntroduced, "1\0"), Is.EqualTo("T\0"));
            guest.Ask(Write, "data/mine\0x");
        }
        Assert.That(_tool.Receive()?.Payload, Is.EqualTo("@releaseDomain\0t\0"));
        Assert.That(_tool.Ask(XenStoreMessageType.IsDomainIntroduced, "1\0"), Is.EqualTo("F\0"));
        Assert.That(_tool.Ask(Read, "/local/domain/1/data\0"), Is.EqualTo("ENOENT\0"), "its nodes end with it");
    }

    [Test]
    public void A_second_one_waits_for_the_first_to_go()
    {
        using var first = _store.OpenGuest();
        first.Ask(XenStoreMessageType.GetDomainPath, "1\0");
        using var second = _store.OpenGuest();
        second.Send(XenStoreMessageType.GetDomainPath, "1\0");
        _store.ExpectSleep();
        Assert.That(second.Socket.Available, Is.Zero);
        first.Dispose();
        Assert.That(second.Receive()?.Payload, Is.EqualTo("/local/domain/1\0"));
    }

    [Test]
    public void Release_by_a_tool_ends_its_connection_and_another_may_come()
    {
        using var guest = _store.OpenGuest();
        guest.Ask(XenStoreMessageType.GetDomainPath, "1\0");
        Assert.That(_tool.Ask(XenStoreMessageType.Release, "1\0"), Is.EqualTo("OK\0"));
        guest.ExpectEnd();
        using var next = _store.OpenGuest();
        Assert.That(next.Ask(XenStoreMessageType.GetDomainPath, "1\0"), Is.EqualTo("/local/domain/1\0"));
    }

    [Test]
    public void A_ring_is_not_to_be_had_here()
        => Assert.That(_tool.Ask(XenStoreMessageType.Introduce, "1\05\06\0"), Is.EqualTo("EINVAL\0"));

    [Test]
    public void A_message_that_is_too_long_ends_the_domain_with_its_connection()
    {
        using var guest = _store.OpenGuest();
        guest.SendBytes([11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]);
        guest.ExpectEnd();
        Assert.That(() => _tool.Ask(XenStoreMessageType.IsDomainIntroduced, "1\0"), Is.EqualTo("F\0").After(10_000, 10));
    }

    [Test]
    public void Replies_that_it_does_not_take_stop_its_requests_at_the_quota()
    {
        using var guest = _store.OpenGuest();
        guest.Ask(Write, $"data/v\0{new string('v', 1900)}");
        var request = SocketPeer.Bytes(Read, "data/v\0");
        var sent = guest.SendUntilFull(request);
        Assert.That(sent, Is.LessThan(1_000_000));
        Assert.That(_tool.Ask(Read, "/tool\0"), Is.Empty);
        for (var i = 0; i < sent / request.Length; i++)
            Assert.That(guest.Receive()?.Payload.Length, Is.EqualTo(1900));
    }
}
