using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Tracing;

namespace Pv.Tests.Core;

/// <summary>A domain's trace keeps what it can afford; who observes it misses nothing.</summary>
[TestFixture]
internal sealed class DomainTraceTests
{
    [Test]
    public void An_observer_sees_every_call_when_its_work_is_done()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        var seen = new List<(ulong Sequence, ulong Stored)>();
        var (table, page) = (guest.Safe[3], guest.Safe[8]);
        Assert.That(machine.Core.TryObserve(guest.Domain.Id, call => seen.Add((call.Sequence, machine.Core.Memory.Words(table)[2]))), Is.True);
        const ulong calls = DomainTrace.Capacity + 10;
        for (ulong i = 0; i < calls; i++)
            guest.Update(table.Address | 2 * sizeof(ulong), page.Address | TestGuest.PresentUser | (i & 1) << 9);

        Assert.That(seen.Select(call => call.Sequence), Is.EqualTo(Enumerable.Range(1, (int)calls).Select(n => (ulong)n)));
        Assert.That(seen.Select(call => call.Stored >> 9 & 1), Is.EqualTo(Enumerable.Range(0, (int)calls).Select(n => (ulong)n & 1)), "memory is as the call left it");
        Assert.That(machine.Core.Read(guest.Domain.Id), Has.Count.EqualTo(DomainTrace.Capacity));
        Assert.That(machine.Core.TryObserve(new DomId(77), _ => { }), Is.False);
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void What_is_kept_is_bounded_by_bytes_too()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        machine.Core.TryObserve(guest.Domain.Id, _ => { });
        machine.Core.PreemptionChooser = _ => false;
        const int updates = 500;
        for (ulong i = 0; i < updates; i++)
            guest.Put(i * MmuUpdate.WireSize, new MmuUpdate { Pointer = guest.Frames[0].Address | (ulong)MmuUpdateKind.MachinePhysical, Value = i });
        for (var i = 0; i < 10_000; i++)
            guest.Call(HypercallNumber.MmuUpdate, 0, updates, 0, DomId.Self.Value);

        var kept = machine.Core.Read(guest.Domain.Id)!;
        var bytes = kept.Sum(call => call.Inputs.Concat(call.Outputs).Sum(part => (long)part.Content.Length));
        Assert.That(kept, Has.Count.LessThan(10_000));
        Assert.That(bytes, Is.InRange(DomainTrace.ByteCapacity - (updates * MmuUpdate.WireSize), DomainTrace.ByteCapacity));
        Assert.That(kept[^1].Sequence, Is.EqualTo(10_000));
        machine.Destroy(guest.Domain);
    }
}
