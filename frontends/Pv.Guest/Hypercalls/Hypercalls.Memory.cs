using Pv.Abi;

namespace Pv.Guest;

/// <content><c>memory_op</c> (<c>public/memory.h</c>).</content>
public sealed partial class Hypercalls
{
    /// <summary>How many frames the domain has, or a negative error.</summary>
    public long CurrentReservation(DomId domain) => Reservation(MemoryOperation.CurrentReservation, domain);

    /// <summary>How many frames the domain may have, or a negative error.</summary>
    public long MaximumReservation(DomId domain) => Reservation(MemoryOperation.MaximumReservation, domain);

    /// <summary>Puts a frame of a special space at a pseudo-physical number of the caller.</summary>
    public Errno AddToPhysmap(PhysmapSpace space, ulong index, Pfn at)
    {
        var argument = new AddToPhysmap { Domain = DomId.Self, Space = space, Index = index, Gpfn = at };
        return ErrnoOf(Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.AddToPhysmap, ref argument));
    }

    /// <summary>Takes away what stands at a pseudo-physical number.</summary>
    public Errno RemoveFromPhysmap(Pfn pfn)
    {
        var argument = new RemoveFromPhysmap { Domain = DomId.Self, Gpfn = pfn };
        return ErrnoOf(Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.RemoveFromPhysmap, ref argument));
    }

    /// <summary>Populates single frames of the caller. Returns how many were, or a negative error. At most 500 at once.</summary>
    public long PopulatePhysmap(ReadOnlySpan<Pfn> frames) => Frames(MemoryOperation.PopulatePhysmap, frames);

    /// <summary>Gives single frames of the caller back. Returns how many were, or a negative error. At most 500 at once.</summary>
    public long DecreaseReservation(ReadOnlySpan<Pfn> frames) => Frames(MemoryOperation.DecreaseReservation, frames);

    private long Reservation(MemoryOperation operation, DomId domain)
    {
        var argument = new MemoryDomain { Domain = domain };
        return Call(HypercallNumber.MemoryOp, (ulong)operation, ref argument);
    }

    private long Frames(MemoryOperation operation, ReadOnlySpan<Pfn> frames)
    {
        using var scope = _pages.Stack.Enter();
        var row = scope.Push(frames);
        var argument = new MemoryReservation { ExtentStart = row.Address, ExtentCount = (ulong)frames.Length, Domain = DomId.Self };
        return Call(HypercallNumber.MemoryOp, (ulong)operation, ref argument);
    }
}
