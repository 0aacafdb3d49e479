using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Memory;

/// <summary>
/// The operations of <c>memory_op</c> by which a domain's memory grows and shrinks. They answer how many extents were done: an error in
/// the middle shows as fewer.
/// </summary>
internal static class ReservationOperations
{
    // A guest may ask for extents of 2 MiB at most; the toolstack for more (Xen's memop-max-order).
    private const uint MaxGuestOrder = 9;

    public static HypercallResult Handle(ref HypercallContext call, ulong argument, ulong done)
    {
        if (!call.TryRead(argument, out MemoryReservation reservation))
            return (long)done;
        if (reservation.ExtentCount < done || reservation.ExtentOrder > (call.Caller.IsPrivileged ? FrameAllocator.MaxOrder : MaxGuestOrder))
            return (long)done;
        var domain = reservation.Domain == DomId.Self ? call.Caller : call.Core.Domains.Find(reservation.Domain);
        if (domain is null || (domain != call.Caller && !call.Caller.IsPrivileged))
            return (long)done;
        var operation = (MemoryOperation)(call.Arguments.First & 0x3f);
        if (operation != MemoryOperation.DecreaseReservation && !IsPossible(reservation))
            return (long)done;
        for (var i = done; i < reservation.ExtentCount; i++)
        {
            if (i > done && call.PreemptionWanted)
            {
                call.Arguments = call.Arguments with { First = MemoryOperations.ContinueAt(call.Arguments.First, i) };
                return HypercallResult.Again;
            }
            var succeeded = operation switch
            {
                MemoryOperation.DecreaseReservation => TryRemove(ref call, domain, reservation, i),
                _ => TryAdd(ref call, domain, reservation, i, operation == MemoryOperation.PopulatePhysmap),
            };
            if (!succeeded)
                return (long)i;
        }
        return (long)reservation.ExtentCount;
    }

    /// <summary>The frame number below which frames are wanted: the flags' low bits say how wide an address may be.</summary>
    internal static ulong Limit(in MemoryReservation wanted)
    {
        const uint addressBits = 0xff;
        var bits = (int)(wanted.Flags & addressBits);
        return bits is 0 or >= 64 ? ulong.MaxValue : bits < PageSize.Shift ? 0 : 1ul << bits - PageSize.Shift;
    }

    /// <summary>There is one node, which its number plus one names; nothing is populated on demand.</summary>
    private static bool IsPossible(in MemoryReservation wanted)
    {
        const int nodeShift = 8;
        const uint nodeMask = 0xff, firstNode = 1;
        var node = wanted.Flags >> nodeShift & nodeMask;
        return (wanted.Flags & MemoryFlags.PopulateOnDemand) == 0 && ((wanted.Flags & MemoryFlags.ExactNode) == 0 || node is 0 or firstNode);
    }

    private static bool TryAdd(ref HypercallContext call, Domain domain, in MemoryReservation reservation, ulong extent, bool populate)
    {
        var slot = reservation.ExtentStart + extent * sizeof(ulong);
        var at = Pfn.Invalid;
        if (populate && !call.TryRead(slot, out at))
            return false;
        if (populate && domain.PhysicalMap is { } physical && !IsEmpty(domain, physical, at, reservation.ExtentOrder))
            return false;
        var core = call.Core;
        if (core.Frames.TryAllocate(domain, (int)reservation.ExtentOrder, out var first, Limit(reservation)) != Errno.None)
            return false;
        for (ulong i = 0; i < 1ul << (int)reservation.ExtentOrder; i++)
        {
            core.MachineToPhysical[first.Plus(i)] = populate ? at.Plus(i) : Pfn.Invalid;
            if (domain.PhysicalMap is { } map && populate)
            {
                using (domain.PageLock.Hold())
                {
                    // One that came to its end meanwhile gives the frame back, and its map stays empty.
                    if (!domain.IsDying)
                        map.Set(at.Plus(i), PhysicalMapKind.Own, first.Plus(i));
                }
            }
        }
        // A domain that knows machine frames is told which; an auto-translated one has them where it asked.
        return domain.PhysicalMap is not null || reservation.ExtentStart == 0 || call.TryWrite(slot, first);
    }

    /// <summary>Whether an extent of a physical map can be filled: what is mapped there already holds references, and keeps its place.</summary>
    private static bool IsEmpty(Domain domain, PhysicalMap map, Pfn first, uint order)
    {
        var frames = 1ul << (int)order;
        if (first.Value > PhysicalMap.Limit - frames)
            return false;
        using (domain.PageLock.Hold())
        {
            for (ulong i = 0; i < frames; i++)
            {
                if (map.Get(first.Plus(i), out _) != PhysicalMapKind.Empty)
                    return false;
            }
        }
        return true;
    }

    private static bool TryRemove(ref HypercallContext call, Domain domain, in MemoryReservation reservation, ulong extent)
    {
        if (!call.TryRead(reservation.ExtentStart + extent * sizeof(ulong), out ulong first))
            return false;
        // Neighbours go back to the host together.
        using var batch = reservation.ExtentOrder > 0 ? call.Core.Frames.BeginDiscardBatch() : null;
        for (ulong i = 0; i < 1ul << (int)reservation.ExtentOrder; i++)
        {
            if (!TryRemoveOne(domain, first + i))
                return false;
        }
        return true;
    }

    private static bool TryRemoveOne(Domain domain, ulong frame)
    {
        if (domain.PhysicalMap is not null)
            return PhysmapOperations.RemoveOne(domain, new Pfn(frame)) == Errno.None;
        var core = domain.Core;
        var mfn = new Mfn(frame);
        if (!core.Frames.TryGet(mfn, domain.Id))
            return false;
        // No vCPU may still reach the frame by an old translation when somebody else gets it.
        core.Flushes.DropStale(domain.Id, core.Frames[mfn].Stamp);
        var removed = !core.Frames.IsXenFrame(mfn) && core.Frames.DropAllocation(mfn);
        if (removed)
            core.MachineToPhysical[mfn] = Pfn.Invalid;
        core.Frames.Put(mfn);
        return removed;
    }
}
