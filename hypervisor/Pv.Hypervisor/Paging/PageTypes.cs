using System.Diagnostics;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// Takes and gives back uses of frames as something. A frame is one thing at a time: writable, or a page table of one level, or descriptors.
/// It becomes a page table only when all its entries are right, and stays one as long as anybody uses it so.
/// </summary>
/// <remarks>
/// <para>Uses as a page table or as descriptors change only under the owner's paging lock; uses as writable, by compare-and-swap, at any time.</para>
/// <para>
/// Long validations stop when the pCPU is wanted: the frame is then <em>partial</em>, its first entries hold their references, and it keeps
/// its type, so nobody can use it as anything else. A validation that stopped holds the frame by itself (one reference and one use,
/// <em>self-held</em>), which whoever finishes it takes over; an invalidation that stopped belongs to whoever was giving its use back.
/// </para>
/// </remarks>
internal sealed partial class PageTypes(HypervisorCore core)
{
    internal const ulong Pinned = 1ul << 63, Valid = 1ul << 62, Partial = 1ul << 61, SelfHeld = 1ul << 60;
    internal const int TypeShift = 56;
    internal const ulong TypeMask = 15ul << TypeShift, CountMask = 0xffff_ffff;

    /// <summary>The state of a frame that the hypervisor shares with a domain: writable, with a use of the hypervisor's own.</summary>
    internal const ulong SharedFrameUse = (ulong)FrameType.Writable << TypeShift | Valid | 1;

    private FrameTable Frames => core.Frames;

    public FrameType TypeOf(Mfn mfn) => (FrameType)((Volatile.Read(ref Frames[mfn].Use) & TypeMask) >> TypeShift);

    public uint Uses(Mfn mfn) => (uint)(Volatile.Read(ref Frames[mfn].Use) & CountMask);

    public bool IsPinned(Mfn mfn) => (Volatile.Read(ref Frames[mfn].Use) & Pinned) != 0;

    /// <summary>Whether the frame is a complete page table (or descriptors) that somebody uses as such.</summary>
    public bool IsValid(Mfn mfn, FrameType type)
    {
        var use = Volatile.Read(ref Frames[mfn].Use);
        return (use & (Valid | Partial)) == Valid && (FrameType)((use & TypeMask) >> TypeShift) == type && (use & CountMask) != 0;
    }

    /// <summary>
    /// Takes a use of a frame to which the caller holds a reference. For tables and descriptors the owner's paging lock is held.
    /// <see cref="Errno.ERESTART"/> when <paramref name="preemptible"/> should leave its pCPU: call again later, the same way.
    /// </summary>
    public Errno TryGet(Mfn mfn, FrameType type, IPreemptible? preemptible = null)
    {
        ref var row = ref Frames[mfn];
        while (true)
        {
            var seen = Volatile.Read(ref row.Use);
            core.Stepper?.Point();
            if ((seen & CountMask) == CountMask)
                return Errno.EINVAL;
            if ((seen & CountMask) != 0)
            {
                if ((seen & TypeMask) != Bits(type))
                    return Errno.EINVAL;
                if ((seen & Partial) != 0)
                    return FinishValidation(mfn, ref row, preemptible);
                if (type == FrameType.Writable && (seen & Valid) == 0)
                {
                    // Somebody has just made it so, and waits for those who may still know it as a table.
                    Thread.SpinWait(1);
                    continue;
                }
                if (Interlocked.CompareExchange(ref row.Use, seen + 1, seen) == seen)
                    return Errno.None;
                continue;
            }
            if (type == FrameType.Writable && (seen & TypeMask) == Bits(type))
            {
                if (Interlocked.CompareExchange(ref row.Use, Bits(type) | Valid | 1, seen) == seen)
                    return Errno.None;
                continue;
            }
            if (Interlocked.CompareExchange(ref row.Use, Bits(type) | 1, seen) != seen)
                continue;
            if ((seen & TypeMask) == Bits(FrameType.Writable))
                core.Flushes.DropStale(row.Owner, row.Stamp);
            else
                core.Flushes.AwaitWalks(row.Owner, row.Stamp);
            if (type != FrameType.Writable)
                return Begin(mfn, ref row, type, preemptible);
            Interlocked.Or(ref row.Use, Valid);
            return Errno.None;
        }
    }

    /// <summary>
    /// Gives a use back. The last use of a table as a table takes it apart; the owner's paging lock is held then.
    /// <see cref="Errno.ERESTART"/> when <paramref name="preemptible"/> should leave its pCPU: the use is not given back yet, call again.
    /// </summary>
    public Errno Put(Mfn mfn, IPreemptible? preemptible = null)
    {
        ref var row = ref Frames[mfn];
        while (true)
        {
            var seen = Volatile.Read(ref row.Use);
            core.Stepper?.Point();
            Debug.Assert((seen & CountMask) != 0, "A use was given back that nobody held.");
            var level = EntryRules.LevelOf((FrameType)((seen & TypeMask) >> TypeShift));
            if ((seen & CountMask) == 1 && level != 0 && (seen & (Valid | Partial)) != 0)
            {
                if (Invalidate(mfn, ref row, level, preemptible) == Errno.ERESTART)
                    return Errno.ERESTART;
                // Only now may the frame become something else.
                Frames.NoteUseEnds(mfn);
                Volatile.Write(ref row.Use, row.Use & Pinned);
                return Errno.None;
            }
            if ((seen & CountMask) == 1)
                Frames.NoteUseEnds(mfn);
            if (Interlocked.CompareExchange(ref row.Use, seen - 1, seen) == seen)
                return Errno.None;
        }
    }

    /// <summary>Takes a reference and a use together.</summary>
    public Errno TryGetFrame(Mfn mfn, FrameType type, DomId owner, IPreemptible? preemptible)
    {
        if (!Frames.TryGet(mfn, owner))
            return Errno.EINVAL;
        var error = TryGet(mfn, type, preemptible);
        if (error != Errno.None)
            Frames.Put(mfn);
        return error;
    }

    /// <summary>Gives a use and the reference back.</summary>
    public Errno PutFrame(Mfn mfn, IPreemptible? preemptible)
    {
        var error = Put(mfn, preemptible);
        if (error == Errno.None)
            Frames.Put(mfn);
        return error;
    }

    /// <summary>Marks a table as pinned: the caller's reference and use become the pin's. False when it is pinned already.</summary>
    public bool TryPin(Mfn mfn) => (Interlocked.Or(ref Frames[mfn].Use, Pinned) & Pinned) == 0;

    /// <summary>Takes the pin's mark away; its reference and use are the caller's then. False when it was not pinned.</summary>
    public bool TryUnpin(Mfn mfn) => (Interlocked.And(ref Frames[mfn].Use, ~Pinned) & Pinned) != 0;

    private static ulong Bits(FrameType type) => (ulong)type << TypeShift;

    /// <summary>The frame has its new type and one use, the caller's; nobody else touches it until it is valid.</summary>
    private Errno Begin(Mfn mfn, ref FrameInfo row, FrameType type, IPreemptible? preemptible)
    {
        row.ValidatedEntries = 0;
        row.LinearCount = 0;
        return type == FrameType.SegmentDescriptors
            ? Finish(mfn, ref row, DescriptorsAreRight(mfn) ? Errno.None : Errno.EINVAL)
            : Finish(mfn, ref row, Validate(mfn, ref row, EntryRules.LevelOf(type), preemptible));
    }

    private Errno Finish(Mfn mfn, ref FrameInfo row, Errno error)
    {
        switch (error)
        {
            case Errno.None:
                Interlocked.Or(ref row.Use, Valid);
                return Errno.None;
            case Errno.ERESTART:
                // The stopped validation keeps the use, and takes a reference of its own.
                // The caller holds one, so the frame is there, even if it was taken out of its owner's reservation meanwhile.
                Frames.GetAnother(mfn);
                Interlocked.Or(ref row.Use, Partial | SelfHeld);
                return Errno.ERESTART;
            default:
                if (row.ValidatedEntries != 0)
                    LeaveUnfinished(mfn, ref row, takeReference: true);
                else
                    Volatile.Write(ref row.Use, row.Use & Pinned);
                return error;
        }
    }

    /// <summary>
    /// A table was refused, and the pCPU was wanted before all its entries were given back: the rest is done first thing in the domain's next call
    /// about page tables. Until then the table is partial, with one use.
    /// </summary>
    private void LeaveUnfinished(Mfn mfn, ref FrameInfo row, bool takeReference)
    {
        if (takeReference)
            Frames.GetAnother(mfn);
        Volatile.Write(ref row.Use, row.Use & ~(Valid | SelfHeld) | Partial);
        core.Domains.Find(row.Owner)!.UnfinishedTables.Enqueue(mfn);
    }

    /// <summary>Goes on with a validation or an invalidation that stopped, towards valid.</summary>
    private Errno FinishValidation(Mfn mfn, ref FrameInfo row, IPreemptible? preemptible)
    {
        var level = EntryRules.LevelOf(TypeOf(mfn));
        var error = Complete(mfn, ref row, level, preemptible);
        if (error == Errno.ERESTART)
            return error;
        var selfHeld = (row.Use & SelfHeld) != 0;
        if (error == Errno.None)
        {
            // A self-held use becomes the caller's; otherwise the caller's comes to the one that exists.
            Volatile.Write(ref row.Use, (row.Use & ~(Partial | SelfHeld) | Valid) + (selfHeld ? 0ul : 1ul));
            if (selfHeld)
                Frames.Put(mfn);
            return Errno.None;
        }
        if (row.ValidatedEntries != 0)
        {
            // Its own use and reference are given back when the rest is; where there is another's, that one goes on.
            if (selfHeld)
                LeaveUnfinished(mfn, ref row, takeReference: false);
            return error;
        }
        // It refused, and has given its entries back: nothing is left of it. Whoever was giving a use back finds that when it goes on.
        Volatile.Write(ref row.Use, selfHeld ? row.Use & Pinned : row.Use & ~(Valid | SelfHeld) | Partial);
        if (selfHeld)
            Frames.Put(mfn);
        return error;
    }
}
