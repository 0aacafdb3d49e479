using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-29, XSA-159, XSA-212. An exchange of memory that names places which are not the guest's, or sums that come round.</summary>
[TestFixture]
internal sealed class MemoryExchangeErrors : AdvisoryFixture
{
    private const ulong Given = 0x800, Slots = 0x900;
    private static readonly ulong[] Elsewhere =
        [XenVirtualMemory.Start, XenVirtualMemory.MachineToPhysicalStart + 0x1000, XenVirtualMemory.End - 8, 0x0000_8000_0000_0000, 0xdead_0000_0000_0000, 0x4000_0000];

    [SetUp]
    public void NameAFrame()
    {
        Attacker.Put(Given, Attacker.Frames[FirstUnmapped]);
        Attacker.Put(Slots, 7ul);
    }

    [TestCaseSource(nameof(Elsewhere))]
    public void The_frames_that_are_given_are_told_only_in_the_guests_own_memory(ulong address)
    {
        var table = Machine.Core.Memory.Bytes(0, 2048 * 8).ToArray();
        AssertRefused(Errno.EFAULT, () => Exchange(One(Given), One(address)));
        AssertRefused(Errno.EFAULT, () => Exchange(One(address), One(Slots)));
        // So that the address comes out right behind extents that are said to be done.
        AssertRefused(() => Exchange(One(Given) with { ExtentCount = 2 }, One(address - 8) with { ExtentCount = 2 }, 1));
        Assert.That(Machine.Core.Memory.Bytes(0, 2048 * 8).SequenceEqual(table), "the machine-to-physical table was written");
    }

    [TestCase(0u, 1ul << 63, 1u, 1ul << 62, 0ul, TestName = "More_extents_than_the_domain_has_frames")]
    [TestCase(0u, 1ul, 9u, 1ul, 0ul, TestName = "Less_given_than_wanted")]
    [TestCase(9u, 1ul, 0u, 1ul, 0ul, TestName = "More_given_than_wanted")]
    [TestCase(9u, (1ul << 55) + 1, 9u, (1ul << 55) + 1, 0ul, TestName = "A_product_that_comes_round")]
    [TestCase(0u, 1ul, 0u, 1ul, 2ul, TestName = "More_done_than_there_are")]
    [TestCase(0u, 1ul, 0u, 1ul, ulong.MaxValue, TestName = "A_number_done_that_is_negative")]
    public void Sums_that_are_wrong_are_refused(uint inOrder, ulong inCount, uint outOrder, ulong outCount, ulong done)
        => AssertRefused(Errno.EINVAL, () => Exchange(
            One(Given) with { ExtentOrder = inOrder, ExtentCount = inCount }, One(Slots) with { ExtentOrder = outOrder, ExtentCount = outCount }, done));

    [Test]
    public void Extents_larger_than_a_guest_may_have_and_other_domains_are_refused()
    {
        foreach (var order in new[] { 10u, 18u, 63u, 64u, uint.MaxValue })
        {
            AssertRefused(Errno.EPERM, () => Exchange(One(Given) with { ExtentOrder = order }, One(Slots)));
            AssertRefused(Errno.EPERM, () => Exchange(One(Given), One(Slots) with { ExtentOrder = order }));
        }
        AssertRefused(Errno.EINVAL, () => Exchange(One(Given), One(Slots) with { Domain = Neighbour.Domain.Id }));
        AssertRefused(Errno.EPERM, () => Exchange(One(Given) with { Domain = Neighbour.Domain.Id }, One(Slots) with { Domain = Neighbour.Domain.Id }));
    }

    [Test]
    public void When_there_is_no_memory_the_old_frames_stay()
    {
        AssertRefused(Errno.ENOMEM, () => Exchange(One(Given), One(Slots) with { Flags = 12 }), "below 4 KiB of addresses");
        Assert.That(Machine.Core.Frames.TryGetOwner(Attacker.Frames[FirstUnmapped], out var owner) && owner == Attacker.Domain.Id);
        Assert.That(Attacker.Get<ulong>(Slots), Is.EqualTo(7));
    }

    private static MemoryReservation One(ulong address) => new() { ExtentStart = address, ExtentCount = 1, Domain = DomId.Self };

    private long Exchange(MemoryReservation given, MemoryReservation wanted, ulong done = 0)
        => Memory(MemoryOperation.Exchange, new MemoryExchange { In = given, Out = wanted, ExchangedCount = done });
}
