using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-38, XSA-72, XSA-86, XSA-414, XSA-416, XSA-425. Rings whose indices lie, messages that are cut, too long or nonsense, answers that do not fit, and
/// rings that begin again: the connection ends or goes on, and nothing is kept of either.
/// </summary>
[TestFixture]
internal sealed class XenstoreRings : XenstoreFixture
{
    private const int RequestProducer = 2052, ResponseConsumer = 2056;

    [TestCase(RequestProducer, 1025u), TestCase(RequestProducer, 0x8000_0000u), TestCase(RequestProducer, uint.MaxValue)]
    [TestCase(ResponseConsumer, 1u), TestCase(ResponseConsumer, 0x8000_0000u)]
    public void An_index_beyond_the_ring_ends_that_connection(int index, uint value)
    {
        Attacker.Send((uint)XenStoreMessageType.GetDomainPath, 1, 0, "1\0"u8.ToArray());
        Attacker.SetIndex(index, value);
        Attacker.Wake!();
        Machine.Run();
        Assert.That(Machine.Store.Domains.Introduced(Bad)!.Connection!.Fault, Is.Not.Null);
    }

    [Test]
    public void Every_type_with_nonsense_is_answered()
    {
        var random = new Random(11);
        for (var round = 0; round < 1500; round++)
        {
            var payload = new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => "\0\0/@a1n-\x01\xff"[random.Next(10)])]);
            var answer = Ask(Attacker, (XenStoreMessageType)random.Next(40), payload, (uint)(random.Next(3) == 0 ? random.Next() : 0));
            Assert.That(answer, Is.Not.EqualTo("no answer"));
        }
        Assert.That(Machine.Store.Domains.Introduced(Bad)!.Connection!.Fault, Is.Null);
    }

    [Test]
    public void A_message_longer_than_may_be_ends_the_connection()
    {
        var header = MessageEncoder.Encode(XenStoreMessageType.Write, 1, 0, default);
        BitConverter.TryWriteBytes(header.AsSpan(12), uint.MaxValue);
        Attacker.SendBytes(header);
        Machine.Run();
        Assert.That(Machine.Store.Domains.Introduced(Bad)!.Connection!.Fault, Is.Not.Null);
    }

    [Test]
    public void An_answer_that_does_not_fit_is_an_error()
    {
        for (var i = 0; i < 300; i++)
            Ask(Tool, XenStoreMessageType.Write, $"/local/domain/1/{new string('d', 30)}{i}\0");
        Assert.That(Ask(Attacker, XenStoreMessageType.Directory, "/local/domain/1\0"), Is.EqualTo("E2BIG\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.DirectoryPart, "/local/domain/1\00\0"), Has.Length.LessThanOrEqualTo(4096));
        Assert.That(Ask(Attacker, XenStoreMessageType.DirectoryPart, "/local/domain/1\0-1\0"), Has.Length.LessThan(100));
        Assert.That(Ask(Attacker, XenStoreMessageType.DirectoryPart, "/local/domain/1\099999999999\0"), Has.Length.LessThan(100));
    }

    [Test]
    public void A_ring_that_is_opened_again_keeps_one_connection()
    {
        var domain = Machine.Store.Domains.Introduced(Bad)!;
        Ask(Attacker, XenStoreMessageType.Watch, "n\0t\0");
        Start(Attacker);
        for (var i = 0; i < 50; i++)
        {
            Assert.That(Machine.Store.Introduce(Bad, new Pfn(0), new EventPort(6)), Is.EqualTo(Errno.None));
            Machine.Run();
        }
        Assert.That(Machine.Store.Domains.Introduced(Bad), Is.SameAs(domain));
        Assert.That(domain.Connection!.Watches, Has.Count.LessThanOrEqualTo(1));
        Assert.That(Ask(Attacker, XenStoreMessageType.GetDomainPath, "1\0"), Is.EqualTo("/local/domain/1\0"));
    }

    [Test]
    public void Requests_of_a_guest_that_takes_no_answer_wait_in_its_own_ring()
    {
        Attacker.IsDeaf = true;
        for (var i = 0; i < 500; i++)
        {
            Attacker.Send((uint)XenStoreMessageType.Read, (uint)i, 0, "alive\0"u8.ToArray());
            Machine.Run();
        }
        Assert.That(Machine.Store.Domains.Introduced(Bad)!.Connection!.PendingBytes, Is.LessThan(20 * 64));
        Assert.That(Attacker.HasMoreToSend);
    }
}
