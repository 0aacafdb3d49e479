using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Memory;

/// <summary>
/// <c>XENMEM_exchange</c>: a PV guest gives extents of its frames and gets as much memory in extents of another size, to have some that is
/// contiguous. Done extent by extent of the larger size, and what was given is freed after each; how far it came stands in the argument.
/// </summary>
internal static class ExchangeOperation
{
    private const uint MaxOrder = 9;

    public static HypercallResult Handle(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out MemoryExchange exchange))
            return Errno.EFAULT;
        if (call.Caller.PhysicalMap is not null)
            return Errno.EOPNOTSUPP;
        var (given, wanted) = (exchange.In, exchange.Out);
        if (given.ExtentOrder > MaxOrder || wanted.ExtentOrder > MaxOrder)
            return Errno.EPERM;
        if (given.ExtentCount > call.Caller.TotalPages || wanted.ExtentCount > call.Caller.TotalPages
            || given.ExtentCount << (int)given.ExtentOrder != wanted.ExtentCount << (int)wanted.ExtentOrder
            || exchange.ExchangedCount > given.ExtentCount || given.Domain != wanted.Domain)
            return Errno.EINVAL;
        if (exchange.ExchangedCount != given.ExtentCount && given.Domain != DomId.Self && given.Domain != call.Caller.Id)
            return call.Core.Domains.Find(given.Domain) is null ? Errno.ESRCH : Errno.EPERM;
        // What a stretch before this one gave away.
        if (call.Core.Frames.FreeRetired(call.Caller, call.Preemptible) == Errno.ERESTART)
            return HypercallResult.Again;
        if (exchange.ExchangedCount == given.ExtentCount)
            return HypercallResult.Success;
        var order = (int)Math.Max(given.ExtentOrder, wanted.ExtentOrder);
        var extents = 1ul << order - (int)given.ExtentOrder;
        // An extent of the larger size is exchanged as a whole, whatever was said of its parts.
        exchange.ExchangedCount -= exchange.ExchangedCount % extents;
        while (exchange.ExchangedCount < given.ExtentCount)
        {
            var error = ExchangeOne(ref call, exchange, order);
            if (error != Errno.None)
                return call.TryWrite(argument, exchange) ? error : Errno.EFAULT;
            exchange.ExchangedCount += extents;
            if (call.PreemptionWanted || call.Core.Frames.FreeRetired(call.Caller, call.Preemptible) == Errno.ERESTART)
                return call.TryWrite(argument, exchange) ? HypercallResult.Again : Errno.EFAULT;
        }
        return call.TryWrite(argument, exchange) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>One extent of the larger size: everything is read and taken before anything is given up.</summary>
    private static Errno ExchangeOne(ref HypercallContext call, in MemoryExchange exchange, int order)
    {
        var (inOrder, outOrder) = ((int)exchange.In.ExtentOrder, (int)exchange.Out.ExtentOrder);
        var old = new ulong[1 << order - inOrder];
        var slots = new ulong[1 << order - outOrder];
        var firstOut = exchange.ExchangedCount << inOrder >> outOrder;
        var oldAddress = exchange.In.ExtentStart + exchange.ExchangedCount * sizeof(ulong);
        var slotAddress = exchange.Out.ExtentStart + firstOut * sizeof(ulong);
        if (!call.TryRead(oldAddress, System.Runtime.InteropServices.MemoryMarshal.AsBytes(old.AsSpan()))
            || !call.TryRead(slotAddress, System.Runtime.InteropServices.MemoryMarshal.AsBytes(slots.AsSpan())))
            return Errno.EFAULT;
        var (core, domain) = (call.Core, call.Caller);
        if (!TryTakeOut(core, domain, old, inOrder))
            return Errno.EINVAL;
        var fresh = new Mfn[slots.Length];
        if (TryAllocate(core, domain, order, outOrder, ReservationOperations.Limit(exchange.Out), fresh) is not Errno.None and var error)
        {
            ForEach(old, inOrder, old.Length << inOrder, core.Frames.PutBack);
            return error;
        }
        ForEach(old, inOrder, old.Length << inOrder, mfn => core.MachineToPhysical[mfn] = Pfn.Invalid);
        core.Frames.Retire(domain, old, inOrder);
        for (var extent = 0; extent < slots.Length; extent++)
        {
            for (ulong i = 0; i < 1ul << outOrder; i++)
                core.MachineToPhysical[fresh[extent].Plus(i)] = new Pfn(slots[extent] + i);
        }
        return call.TryWrite(slotAddress, System.Runtime.InteropServices.MemoryMarshal.AsBytes(fresh.AsSpan())) ? Errno.None : Errno.EFAULT;
    }

    /// <summary>Takes all frames of some extents out of use, or none: one that anybody maps, or that is a page table, cannot be given up.</summary>
    private static bool TryTakeOut(HypervisorCore core, Domain domain, ulong[] extents, int order)
    {
        var taken = 0;
        core.Meter?.Count(extents.Length << order);
        foreach (var extent in extents)
        {
            for (ulong i = 0; i < 1ul << order; i++)
            {
                if (core.Frames.TryTakeOut(new Mfn(extent + i), domain.Id))
                {
                    taken++;
                    continue;
                }
                ForEach(extents, order, taken, core.Frames.PutBack);
                return false;
            }
        }
        return true;
    }

    /// <summary>The first so many frames of some extents.</summary>
    private static void ForEach(ulong[] extents, int order, int frames, Action<Mfn> action)
    {
        for (var i = 0; i < frames; i++)
            action(new Mfn(extents[i >> order] + (ulong)(i & (1 << order) - 1)));
    }

    /// <summary>The domain has both the old and the new for a moment, which its limit must not forbid.</summary>
    private static Errno TryAllocate(HypervisorCore core, Domain domain, int order, int outOrder, ulong limit, Mfn[] fresh)
    {
        using (domain.PageLock.Hold())
        {
            domain.MaxPages += 1ul << order;
            try
            {
                // The domain gives as much: it may have what lies together.
                if (core.Frames.TryAllocate(domain, order, out var block, limit) is Errno.None)
                {
                    for (var i = 0; i < fresh.Length; i++)
                        fresh[i] = block.Plus((ulong)i << outOrder);
                    return Errno.None;
                }
                for (var i = 0; i < fresh.Length; i++)
                {
                    if (core.Frames.TryAllocate(domain, outOrder, out fresh[i], limit) is Errno.None)
                        continue;
                    while (--i >= 0)
                    {
                        for (ulong frame = 0; frame < 1ul << outOrder; frame++)
                            core.Frames.DropAllocation(fresh[i].Plus(frame));
                    }
                    return Errno.ENOMEM;
                }
                return Errno.None;
            }
            finally
            {
                domain.MaxPages -= 1ul << order;
            }
        }
    }
}
