using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-45, XSA-252, XSA-264, XSA-290, XSA-344, XSA-380. Calls that take as long as a guest likes: each stops when its pCPU is wanted,
/// has got on by then, and ends with the same result.
/// </summary>
[TestFixture]
internal sealed class UnboundedLongOperation : GrantFixture
{
    private const int Many = 60;

    [Test]
    public void Lists_of_updates_and_of_operations()
    {
        for (var i = 0; i < Many; i++)
            Attacker.Put((ulong)i * MmuUpdate.WireSize, new MmuUpdate { Pointer = Attacker.Frames[0].Address | (ulong)MmuUpdateKind.MachinePhysical, Value = (ulong)i });
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.MmuUpdate, 0, Many, 0x1f00, DomId.Self.Value), Many - 1);
        Assert.That(Attacker.Get<uint>(0x1f00), Is.EqualTo(Many));
        for (var i = 0; i < Many; i++)
            Attacker.Put((ulong)i * MmuExt.WireSize, new MmuExt { Operation = MmuExtOperation.ClearPage, Argument1 = Attacker.Frames[1].Value });
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, 0, Many, 0x1f00, DomId.Self.Value), Many - 1);
        for (var i = 0; i < Many; i++)
            Attacker.Put((ulong)i * MulticallEntry.WireSize, new MulticallEntry { Operation = (ulong)HypercallNumber.XenVersion });
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.Multicall, 0, Many), Many - 1);
    }

    [Test]
    public void Lists_of_grants()
    {
        Offer(Ref, Neighbour.Frames[0]);
        for (var i = 0; i < Many; i++)
            Attacker.Put((ulong)i * GrantTableMapGrantRef.WireSize, MapArgument(Ref, EntryOf(100 + i)));
        AssertStops(Grant(GrantTableOperation.MapGrantRef), Many - 1);
        var maps = Enumerable.Range(0, Many).Select(i => Attacker.Get<GrantTableMapGrantRef>((ulong)i * GrantTableMapGrantRef.WireSize)).ToArray();
        Assert.That(maps.Select(map => map.Status), Has.All.EqualTo(GrantStatus.Okay));
        for (var i = 0; i < Many; i++)
            Attacker.Put((ulong)i * GrantTableUnmapGrantRef.WireSize, new GrantTableUnmapGrantRef { HostAddress = EntryOf(100 + i), Handle = maps[i].Handle });
        AssertStops(Grant(GrantTableOperation.UnmapGrantRef), Many - 1);
        Assert.That(Neighbour.Domain.Grants.IsInUse, Is.False);
        for (var i = 0; i < Many; i++)
            Attacker.Put((ulong)i * GrantTableCacheFlush.WireSize, new GrantTableCacheFlush());
        AssertStops(Grant(GrantTableOperation.CacheFlush), Many - 1);
        AssertStops(Grant(GrantTableOperation.Transfer), Many - 1);
    }

    [Test]
    public void A_list_without_end_stops_again_and_again()
    {
        var registers = new HypercallRegisters((ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.CacheFlush, 0, int.MaxValue);
        for (ulong at = 0; at < 0x2000; at += 8)
            Attacker.Put(at, 0ul);
        WantPCpu();
        for (var i = 0; i < 10; i++)
            Assert.That(Enter(ref registers).Outcome, Is.EqualTo(HypercallOutcome.Continue));
        // It ends where the memory does.
        HypercallResult result;
        do
            result = Enter(ref registers);
        while (result.Outcome == HypercallOutcome.Continue);
        Assert.That(result.Value, Is.AnyOf(-(long)Errno.EFAULT, -(long)Errno.EINVAL));
    }

    [Test]
    public void Memory_that_is_given_back_and_taken()
    {
        var frames = Attacker.Frames[FirstUnmapped..];
        for (var i = 0; i < frames.Length; i++)
            Attacker.Put(0x800 + (ulong)i * 8, frames[i]);
        Attacker.Put(0, new MemoryReservation { ExtentStart = 0x800, ExtentCount = (ulong)frames.Length, Domain = DomId.Self });
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.DecreaseReservation, 0), frames.Length - 1, frames.Length);
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.IncreaseReservation, 0), frames.Length - 1, frames.Length);
        for (var i = 0; i < frames.Length; i++)
            Attacker.Put(0xc00 + (ulong)i * 8, (ulong)i);
        Attacker.Put(0, new MemoryExchange
        {
            In = new MemoryReservation { ExtentStart = 0x800, ExtentCount = (ulong)frames.Length, Domain = DomId.Self },
            Out = new MemoryReservation { ExtentStart = 0xc00, ExtentCount = (ulong)frames.Length, Domain = DomId.Self },
        });
        // After each extent, the last one too: what it gave is freed behind it.
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.Exchange, 0), frames.Length);
    }

    [Test]
    public void Page_tables_that_begin_and_end()
    {
        var (l2, l1) = (Attacker.Frames[FirstUnmapped], Attacker.Frames[FirstUnmapped + 1]);
        for (var i = 0; i < 512; i++)
        {
            Attacker.Store(l2, i, l1.Address | PresentUser | Writable);
            Attacker.Store(l1, i, Attacker.Frames[0].Address | PresentUser | Writable);
        }
        var before = FrameAccounts.Take(Machine.Core);
        Attacker.Put(0, new MmuExt { Operation = MmuExtOperation.PinL2Table, Argument1 = l2.Value });
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, 0, 1, 0, DomId.Self.Value), null);
        Attacker.Put(0, new MmuExt { Operation = MmuExtOperation.UnpinTable, Argument1 = l2.Value });
        WantPCpu();
        var registers = new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, 0, 1, 0, DomId.Self.Value);
        Enter(ref registers);
        // The rest of it is done by the next calls about page tables, whatever they are.
        Attacker.Put(0, new MmuExt { Operation = MmuExtOperation.TlbFlushLocal });
        for (var i = 0; i < 2000 && Attacker.Domain.UnfinishedTables.Count > 0; i++)
        {
            registers = new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, 0, 1, 0, DomId.Self.Value);
            Enter(ref registers);
        }
        AssertAsBefore(before);
    }

    [Test]
    public void A_trap_table_without_an_end()
    {
        // The entries come round to themselves by an address that maps the same page again and again.
        for (var page = 0; page < 100; page++)
            Assert.That(Update(Attacker.Safe[3].Address | (uint)(100 + page) * 8, Attacker.Frames[0].Address | PresentUser), Is.Zero);
        Machine.Core.Memory.Words(Attacker.Frames[0]).Fill(0x1000);
        AssertStops(new HypercallRegisters((ulong)HypercallNumber.SetTrapTable, 100ul << 12), null, -(long)Errno.EFAULT);
    }

    private static HypercallRegisters Grant(GrantTableOperation operation) => new((ulong)HypercallNumber.GrantTableOp, (ulong)operation, 0, Many);

    /// <summary>Makes a call with the pCPU always wanted: it stops so often, or at least thrice, and ends as it should.</summary>
    private void AssertStops(HypercallRegisters registers, int? times, long result = 0)
    {
        WantPCpu();
        var stops = 0;
        HypercallResult ended;
        while ((ended = Enter(ref registers)).Outcome == HypercallOutcome.Continue)
            stops++;
        WantPCpu(_ => false);
        Assert.That(ended.Value, Is.EqualTo(result));
        Assert.That(stops, times is { } exactly ? Is.EqualTo(exactly) : Is.GreaterThan(2));
    }
}
