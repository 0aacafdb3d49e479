using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>The ring page's features, connection state and error (<c>docs/misc/xenstore-ring.txt</c>).</summary>
[TestFixture]
public class RingStateTests
{
    private const int RequestConsumer = 2048, RequestProducer = 2052, ResponseConsumer = 2056, ResponseProducer = 2060;
    private const int Features = 2064, Connection = 2068;
    private static readonly DomId Domain = new(7);

    private StoreMachine _machine = null!;
    private GuestEnd _guest = null!;

    [SetUp]
    public void Create()
    {
        _machine = new StoreMachine();
        _guest = _machine.NewGuest(Domain);
    }

    [TearDown]
    public void Dispose() => _machine.Dispose();

    [Test]
    public void A_ring_offers_to_begin_anew_to_say_errors_and_to_limit_watches()
    {
        Introduce();
        Assert.That(_guest.Page.ReadUInt32Acquire(Features), Is.EqualTo(7));
        Assert.That(_guest.Error, Is.Zero);
        Assert.That(Ask(XenStoreMessageType.GetFeature, ""), Is.EqualTo("7\0"));
    }

    [Test]
    public void What_a_domain_is_not_offered_it_does_not_have()
    {
        _machine.Store.Domains.Known(Domain)!.Features = XenStoreServerFeatures.None;
        Introduce();
        Assert.That(_guest.Page.ReadUInt32Acquire(Features), Is.Zero);
        Assert.That(Ask(XenStoreMessageType.Watch, "/a\0t\0" + "2\0"), Is.EqualTo("EINVAL\0"));

        _guest.SetIndex(Connection, (uint)XenStoreConnectionState.Reconnect);
        Assert.That(Ask(XenStoreMessageType.GetDomainPath, "7\0"), Is.EqualTo("/local/domain/7\0"), "the field means nothing");
        Assert.That(_guest.Page.ReadUInt32Acquire(Connection), Is.EqualTo(1));

        _guest.SetIndex(RequestProducer, 99999);
        Wake();
        Assert.That(_guest.Error, Is.Zero, "no error is said where that was not offered");
        Assert.That(_guest.IsClosed, Is.True);
    }

    [Test]
    public void A_ring_that_begins_anew_has_forgotten_all()
    {
        Introduce();
        var tool = _machine.NewTool();
        Send(tool, XenStoreMessageType.Write, "/shared\0");
        Send(tool, XenStoreMessageType.SetPerms, "/shared\0b0\0");
        Ask(XenStoreMessageType.Watch, "/shared\0t\0");
        Assert.That(Ask(XenStoreMessageType.TransactionStart, "\0"), Is.EqualTo("1\0"));
        _guest.IsDeaf = true;
        Send(tool, XenStoreMessageType.Write, "/shared/unread\0");
        Send(_guest, XenStoreMessageType.GetDomainPath, "7\0");
        _guest.SendBytes("half of a header"u8[..7]);
        _machine.Run();

        Reconnect();

        foreach (var index in new[] { RequestConsumer, RequestProducer, ResponseConsumer, ResponseProducer })
            Assert.That(_guest.Page.ReadUInt32Acquire(index), Is.Zero);
        _guest.IsDeaf = false;
        Send(tool, XenStoreMessageType.Write, "/shared/more\0");
        Assert.That(Ask(XenStoreMessageType.GetDomainPath, "7\0"), Is.EqualTo("/local/domain/7\0"), "the first that comes is the answer to the first that was asked");
        _guest.Send((uint)XenStoreMessageType.Read, 1, 1, "/shared\0"u8.ToArray());
        _machine.Run();
        Assert.That(Text(_guest.Receive().Single()), Is.EqualTo("ENOENT\0"), "no transaction is left");
        Assert.That(Ask(XenStoreMessageType.Unwatch, "/shared\0t\0"), Is.EqualTo("ENOENT\0"), "nor a watch");
    }

    [Test]
    public void A_ring_that_was_given_up_can_begin_anew()
    {
        Introduce();
        _guest.SetIndex(RequestProducer, 5000);
        Wake();
        Assert.That(_guest.Error, Is.EqualTo((uint)XenStoreRingError.RingIndex));
        Reconnect();
        Assert.That(_guest.Error, Is.Zero);
        Assert.That(Ask(XenStoreMessageType.GetDomainPath, "7\0"), Is.EqualTo("/local/domain/7\0"));
    }

    [Test]
    public void Who_finds_the_ring_asked_to_begin_anew_when_the_domain_comes_does_so()
    {
        _guest.SetIndex(RequestProducer, 5000);
        _guest.SetIndex(Connection, (uint)XenStoreConnectionState.Reconnect);
        Introduce();
        Assert.That(_guest.Page.ReadUInt32Acquire(Connection), Is.Zero);
        Assert.That(Ask(XenStoreMessageType.GetDomainPath, "7\0"), Is.EqualTo("/local/domain/7\0"));
    }

    [Test]
    public void A_ring_that_is_given_up_again_and_again_does_not_fill_the_log()
    {
        Introduce();
        for (var i = 0; i < 1000; i++)
        {
            _guest.SetIndex(RequestProducer, 5000);
            Wake();
            Reconnect();
        }
        Assert.That(_machine.LogLines, Has.Count.InRange(1, 20));
        Assert.That(Ask(XenStoreMessageType.GetDomainPath, "7\0"), Is.EqualTo("/local/domain/7\0"));
    }

    [Test]
    public void A_request_may_come_in_any_parts()
    {
        Introduce();
        var request = MessageEncoder.Encode(XenStoreMessageType.GetDomainPath, 5, 0, "7\0"u8);
        foreach (var value in request)
        {
            Assert.That(_guest.Receive(), Is.Empty);
            _guest.SendBytes([value]);
            _machine.Run();
        }
        Assert.That(Text(_guest.Receive().Single()), Is.EqualTo("/local/domain/7\0"));
    }

    [Test]
    public void Indices_may_pass_their_greatest_value()
    {
        foreach (var index in new[] { RequestConsumer, RequestProducer, ResponseConsumer, ResponseProducer })
            _guest.SetIndex(index, uint.MaxValue - 100);
        Introduce();
        for (var i = 0; i < 50; i++)
            Assert.That(Ask(XenStoreMessageType.GetDomainPath, "7\0"), Is.EqualTo("/local/domain/7\0"));
    }

    private void Introduce()
    {
        Assert.That(_machine.Store.Introduce(Domain, new Pfn(0), new EventPort(5)), Is.EqualTo(Errno.None));
        _machine.Run();
    }

    private void Reconnect()
    {
        _guest.SetIndex(Connection, (uint)XenStoreConnectionState.Reconnect);
        var notified = _guest.Notified;
        Wake();
        Assert.That(_guest.Page.ReadUInt32Acquire(Connection), Is.EqualTo((uint)XenStoreConnectionState.Connected));
        Assert.That(_guest.Notified, Is.GreaterThan(notified));
    }

    private void Wake()
    {
        _guest.Wake!();
        _machine.Run();
    }

    private string Ask(XenStoreMessageType type, string payload)
    {
        Send(_guest, type, payload);
        return Text(_guest.Receive().First(message => message.Type != XenStoreMessageType.WatchEvent));
    }

    private void Send(PeerEnd peer, XenStoreMessageType type, string payload)
    {
        peer.Send((uint)type, 1, 0, Encoding.Latin1.GetBytes(payload));
        _machine.Run();
    }

    private static string Text(StoreMessage message) => Encoding.Latin1.GetString(message.Payload.Span);
}
