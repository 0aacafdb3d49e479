using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>What a guest may do to its ring, and that it costs nobody else anything.</summary>
[TestFixture]
public class HostileGuestTests
{
    private const int RequestProducer = 2052, ResponseConsumer = 2056, RequestConsumer = 2048, ResponseProducer = 2060;
    private static readonly DomId Bad = new(1), Good = new(2);

    private StoreMachine _machine = null!;

    [SetUp]
    public void Create()
    {
        _machine = new StoreMachine();
        foreach (var domain in new[] { Bad, Good })
        {
            _machine.NewGuest(domain);
            _machine.Store.Introduce(domain, new Pfn(0), new EventPort(5));
        }
        _machine.Run();
    }

    [TearDown]
    public void TheOtherGuestIsServedAsEver()
    {
        Ask(_machine.Guest(Good), XenStoreMessageType.GetDomainPath, "2\0");
        Assert.That(_machine.Guest(Good).Receive().Select(Text), Does.Contain("/local/domain/2\0"));
        Assert.That(_machine.Store.Domains.Introduced(Bad), Is.Not.Null, "a dead ring does not end the domain");
        _machine.Dispose();
    }

    [TestCase(1025u)]
    [TestCase(0x80000000u)]
    [TestCase(uint.MaxValue)]
    public void A_request_producer_beyond_the_ring_ends_the_connection(uint producer)
    {
        _machine.Guest(Bad).SetIndex(RequestProducer, producer);
        WakeBad();
        AssertGivenUp(XenStoreRingError.RingIndex);
    }

    [TestCase(1u)]
    [TestCase(0x80000000u)]
    public void A_response_consumer_ahead_of_what_was_said_ends_the_connection(uint consumer)
    {
        _machine.Guest(Bad).SetIndex(ResponseConsumer, consumer);
        Ask(_machine.Guest(Bad), XenStoreMessageType.GetDomainPath, "1\0");
        AssertGivenUp(XenStoreRingError.RingIndex);
    }

    [Test]
    public void Our_own_indices_are_not_believed_from_the_page()
    {
        var guest = _machine.Guest(Bad);
        guest.SetIndex(RequestConsumer, 77777);
        guest.SetIndex(ResponseProducer, 99999);
        guest.Send((uint)XenStoreMessageType.GetDomainPath, 1, 0, "1\0"u8.ToArray());
        // The bytes were put where the guest saw the ring end; what the page says of our end changes nothing.
        _machine.Run();
        guest.SetIndex(ResponseConsumer, 0);
        Assert.That(_machine.Store.Domains.Introduced(Bad)!.Connection!.Fault, Is.Null);
    }

    [Test]
    public void A_message_that_is_too_long_ends_the_connection()
    {
        var header = MessageEncoder.Encode(XenStoreMessageType.Write, 1, 0, default);
        BitConverter.TryWriteBytes(header.AsSpan(12), 4097);
        _machine.Guest(Bad).SendBytes(header);
        _machine.Run();
        AssertGivenUp(XenStoreRingError.Protocol);
    }

    [Test]
    public void A_guest_that_does_not_take_its_replies_is_not_served_on()
    {
        var guest = _machine.Guest(Bad);
        guest.IsDeaf = true;
        for (var i = 0; i < 2000; i++)
        {
            guest.Send((uint)XenStoreMessageType.GetDomainPath, (uint)i, 0, "1\0"u8.ToArray());
            _machine.Run();
        }
        var connection = _machine.Store.Domains.Introduced(Bad)!.Connection!;
        Assert.That(connection.Fault, Is.Null);
        Assert.That(connection.PendingBytes, Is.LessThan(20 * 64));
        Assert.That(guest.HasMoreToSend, Is.True, "its ring is full of requests that nobody takes");

        guest.IsDeaf = false;
        var replies = 0;
        for (var i = 0; i < 5000 && replies < 2000; i++)
        {
            replies += guest.Receive().Count;
            guest.Push();
            _machine.Run();
        }
        Assert.That(replies, Is.EqualTo(2000), "once it listens, it gets every reply");
    }

    [Test]
    public void Events_that_nobody_takes_are_kept_once()
    {
        var guest = _machine.Guest(Bad);
        var tool = _machine.NewTool();
        Ask(tool, XenStoreMessageType.Write, "/shared\0");
        Ask(tool, XenStoreMessageType.SetPerms, "/shared\0r0\0");
        Ask(guest, XenStoreMessageType.Watch, "/shared\0token\0");
        guest.IsDeaf = true;
        for (var i = 0; i < 10_000; i++)
            Ask(tool, XenStoreMessageType.Write, $"/shared\0{i}");
        var connection = _machine.Store.Domains.Introduced(Bad)!.Connection!;
        Assert.That(connection.Fault, Is.Null);
        Assert.That(connection.PendingBytes, Is.LessThan(100));
    }

    [Test]
    public void Events_without_end_are_kept_as_far_as_the_quota_of_memory_goes()
    {
        var guest = _machine.Guest(Bad);
        var tool = _machine.NewTool();
        Ask(tool, XenStoreMessageType.Write, "/shared\0");
        Ask(tool, XenStoreMessageType.SetPerms, "/shared\0r0\0");
        for (var i = 0; i < 100; i++)
        {
            Ask(guest, XenStoreMessageType.Watch, $"/shared\0{i}\0");
            guest.Receive();
        }
        guest.IsDeaf = true;
        for (var i = 0; i < 1000; i++)
            Ask(tool, XenStoreMessageType.Write, $"/shared/some/longer/path/{i}\0");
        var connection = _machine.Store.Domains.Introduced(Bad)!.Connection!;
        Assert.That(connection.Fault, Is.Null);
        Assert.That(_machine.Store.MemoryOf(connection), Is.InRange((2560 << 10) - 200, 2560 << 10));

        guest.IsDeaf = false;
        Listen(guest);
        Ask(tool, XenStoreMessageType.Write, "/shared/again\0");
        Assert.That(guest.Receive().Select(Text), Has.Some.StartsWith("/shared/again\0"), "once it listens, it hears again");
    }

    [Test]
    public void Random_writes_all_over_the_page_harm_nobody()
    {
        var random = new Random(20261121);
        for (var round = 0; round < 300; round++)
        {
            var guest = _machine.NewGuest(Bad);
            _machine.Store.Introduce(Bad, new Pfn(0), new EventPort(5));
            for (var i = 0; i < 30; i++)
            {
                if (random.Next(4) == 0)
                    guest.SetIndex(2048 + (4 * random.Next(7)), random.Next(3) == 0 ? (uint)random.Next() : (uint)random.Next(1100));
                else
                    guest.Page.CopyFrom(random.Next(2000), [(byte)random.Next(24), 0, 0, 0, (byte)random.Next(), 0, 0, 0, 0, 0, 0, 0, (byte)random.Next(30), 0, 0, 0]);
                guest.Wake!();
                _machine.Run();
            }
            _machine.Become(Bad, StoreDomainState.Gone);
        }
        _machine.NewGuest(Bad);
        Assert.That(_machine.Store.Introduce(Bad, new Pfn(0), new EventPort(5)), Is.EqualTo(Errno.None));
        _machine.Run();
    }

    /// <summary>Takes all that waits.</summary>
    private void Listen(GuestEnd guest)
    {
        do
        {
            guest.Receive();
            _machine.Run();
        }
        while (guest.HasCollected);
    }

    private void WakeBad()
    {
        _machine.Guest(Bad).Wake!();
        _machine.Run();
    }

    private void Ask(PeerEnd peer, XenStoreMessageType type, string payload)
    {
        peer.Send((uint)type, 1, 0, Encoding.Latin1.GetBytes(payload));
        _machine.Run();
    }

    private void AssertGivenUp(XenStoreRingError error)
    {
        Assert.That(_machine.Store.Domains.Introduced(Bad)!.Connection!.Fault, Is.Not.Null);
        Assert.That(_machine.Guest(Bad).Error, Is.EqualTo((uint)error));
        Assert.That(_machine.LogLines, Has.Some.Contains("given up"));
    }

    private static string Text(StoreMessage message) => Encoding.Latin1.GetString(message.Payload.Span);
}
