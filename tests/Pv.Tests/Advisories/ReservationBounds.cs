using NUnit.Framework;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-14, XSA-31, XSA-231, XSA-385. Memory is asked for by orders, nodes and flags that do not exist, and beyond what the domain may have.
/// </summary>
[TestFixture]
internal sealed class ReservationBounds : AdvisoryFixture
{
    private static readonly MemoryOperation[] Operations = [MemoryOperation.IncreaseReservation, MemoryOperation.PopulatePhysmap, MemoryOperation.DecreaseReservation];

    [Test]
    public void Orders_beyond_a_guests_do_nothing([ValueSource(nameof(Operations))] MemoryOperation operation)
    {
        foreach (var order in new[] { 10u, 18u, 19u, 31u, 32u, 63u, 64u, uint.MaxValue })
            AssertNothing(operation, Ask() with { ExtentOrder = order });
    }

    [Test]
    public void What_is_asked_for_beyond_the_domains_limit_is_not_given()
    {
        foreach (var operation in Operations[..2])
        {
            AssertNothing(operation, Ask());
            AssertNothing(operation, Ask() with { ExtentCount = ulong.MaxValue });
            AssertNothing(operation, Ask() with { ExtentOrder = 9 });
        }
        // One given back makes room for one.
        Attacker.Put(0x800, Attacker.Frames[FirstUnmapped]);
        Assert.That(Memory(MemoryOperation.DecreaseReservation, Ask()), Is.EqualTo(1));
        Assert.That(Memory(MemoryOperation.IncreaseReservation, Ask() with { ExtentStart = 0, ExtentCount = 5 }), Is.EqualTo(1));
        Assert.That(Attacker.Domain.TotalPages, Is.EqualTo(Attacker.Domain.MaxPages));
    }

    [Test]
    public void Flags_of_what_is_not_there_do_nothing()
    {
        Attacker.Put(0x800, Attacker.Frames[FirstUnmapped]);
        Assert.That(Memory(MemoryOperation.DecreaseReservation, Ask()), Is.EqualTo(1));
        AssertNothing(MemoryOperation.PopulatePhysmap, Ask() with { Flags = MemoryFlags.PopulateOnDemand });
        foreach (var node in new[] { 2u, 64u, 255u })
            AssertNothing(MemoryOperation.IncreaseReservation, Ask() with { Flags = MemoryFlags.ExactNode | node << 8 });
        AssertNothing(MemoryOperation.IncreaseReservation, Ask() with { Flags = 1 });
    }

    [Test]
    public void Another_domains_memory_is_not_a_guests_to_change()
    {
        Attacker.Put(0x800, Neighbour.Frames[FirstUnmapped]);
        foreach (var operation in Operations)
            AssertNothing(operation, Ask() with { Domain = Neighbour.Domain.Id });
        AssertNothing(MemoryOperation.DecreaseReservation, Ask(), "its frame by name");
        foreach (var operation in new[] { MemoryOperation.CurrentReservation, MemoryOperation.MaximumReservation, MemoryOperation.MaximumGpfn })
            AssertRefused(Errno.EPERM, () => Memory(operation, new MemoryDomain { Domain = Neighbour.Domain.Id }));
        AssertRefused(Errno.EPERM, () => Memory(MemoryOperation.SetMemoryMap, new ForeignMemoryMap { Domain = Neighbour.Domain.Id }));
    }

    [Test]
    public void What_is_put_aside_for_a_domain_is_free_when_it_ends()
    {
        AssertRefused(Errno.EPERM, () => Memory(MemoryOperation.ClaimPages, new MemoryReservation { ExtentCount = 100, Domain = Attacker.Domain.Id }));
        Neighbour.Domain.MaxPages += 500;
        var claim = new MemoryReservation { ExtentCount = Neighbour.Domain.MaxPages, Domain = Neighbour.Domain.Id };
        Assert.That(HostAddress.Call(Machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.ClaimPages, ref claim), Is.Zero);
        Assert.That(Machine.Core.Frames.Claimed, Is.EqualTo(500));
        Machine.Destroy(Neighbour.Domain);
        Assert.That(Machine.Core.Frames.Claimed, Is.Zero);
    }

    private static MemoryReservation Ask() => new() { ExtentStart = 0x800, ExtentCount = 1, Domain = DomId.Self };

    private void AssertNothing(MemoryOperation operation, MemoryReservation reservation, string? what = null)
    {
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(Memory(operation, reservation), Is.Zero, what);
        AssertAsBefore(before, what);
    }
}
