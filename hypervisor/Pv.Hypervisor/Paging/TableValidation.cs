using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

// Whole tables: each entry of a table that becomes one takes its references; each entry of one that ends gives them back.
internal sealed partial class PageTypes
{
    private const int EntriesPerTable = 512;

    /// <summary>How many entries are done between two looks at whether the pCPU is wanted, at the lowest level.</summary>
    private const int EntriesBetweenLooks = 64;

    /// <summary>
    /// Takes the references of the entries from where it stopped on. On refusal all that were taken are given back, or, when the pCPU is wanted
    /// meanwhile, those that are left stay counted in the row. <see cref="Errno.ERESTART"/> leaves those taken so far, counted there, too.
    /// </summary>
    private Errno Validate(Mfn table, ref FrameInfo row, int level, IPreemptible? preemptible)
    {
        var entries = core.Memory.Words(table);
        for (int i = row.ValidatedEntries; i < EntriesPerTable; i++)
        {
            if (MustStop(preemptible, level, i, row.ValidatedEntries))
            {
                row.ValidatedEntries = (ushort)i;
                return Errno.ERESTART;
            }
            core.Meter?.Count(1);
            if (!EntryRules.IsGuestSlot(level, i))
                continue;
            var entry = new PageTableEntry(entries[i]);
            var error = TryGetEntry(table, level, entry, row.Owner, preemptible);
            if (error == Errno.None)
            {
                var adjusted = EntryRules.Adjust(level, entry);
                if (adjusted != entry)
                    entries[i] = adjusted.Value;
                continue;
            }
            row.ValidatedEntries = (ushort)i;
            if (error != Errno.ERESTART)
                Invalidate(table, ref row, level, preemptible);
            return error;
        }
        row.ValidatedEntries = EntriesPerTable;
        if (level == 4)
            SetReservedSlots(entries);
        core.Memory.Marks.NoteWrite(table);
        return Errno.None;
    }

    /// <summary>
    /// Goes on with a table that is partial. When it is one whose invalidation stopped, the table below its last held entry may itself be half
    /// taken apart: that one is completed first, for it is held as if it were whole.
    /// </summary>
    private Errno Complete(Mfn table, ref FrameInfo row, int level, IPreemptible? preemptible)
    {
        var last = row.ValidatedEntries - 1;
        if (level > 1 && last >= 0 && EntryRules.IsGuestSlot(level, last)
            && new PageTableEntry(core.Memory.Words(table)[last]) is { IsPresent: true } entry && TypeOf(entry.Frame) == EntryRules.TypeOf(level - 1))
        {
            ref var below = ref Frames[entry.Frame];
            if ((Volatile.Read(ref below.Use) & Partial) != 0)
            {
                var error = Complete(entry.Frame, ref below, level - 1, preemptible);
                if (error == Errno.ERESTART)
                    return error;
                if (error != Errno.None)
                {
                    Invalidate(table, ref row, level, preemptible);
                    return error;
                }
                Volatile.Write(ref below.Use, below.Use & ~Partial | Valid);
            }
        }
        return Validate(table, ref row, level, preemptible);
    }

    /// <summary>Gives back what the first <see cref="FrameInfo.ValidatedEntries"/> entries hold, the last first.</summary>
    private Errno Invalidate(Mfn table, ref FrameInfo row, int level, IPreemptible? preemptible)
    {
        var entries = core.Memory.Words(table);
        var begun = row.ValidatedEntries;
        for (int i = row.ValidatedEntries - 1; i >= 0; i--)
        {
            if (MustStop(preemptible, level, i, begun))
                return Suspend(ref row, i + 1);
            core.Meter?.Count(1);
            if (EntryRules.IsGuestSlot(level, i) && PutEntry(table, level, new PageTableEntry(entries[i]), preemptible) == Errno.ERESTART)
                return Suspend(ref row, i + 1);
        }
        row.ValidatedEntries = 0;
        return Errno.None;
    }

    private static Errno Suspend(ref FrameInfo row, int validated)
    {
        row.ValidatedEntries = (ushort)validated;
        Volatile.Write(ref row.Use, row.Use & ~Valid | Partial);
        return Errno.ERESTART;
    }

    /// <summary>Every call makes some progress, so that a domain that is always wanted elsewhere still gets on.</summary>
    private bool MustStop(IPreemptible? preemptible, int level, int at, int begun)
    {
        if (preemptible is null || at == begun || (level == 1 && at % EntriesBetweenLooks != 0))
            return false;
        return Math.Abs(at - begun) > 1 && preemptible.IsWantedAfter(level == 1 ? EntriesBetweenLooks : 1);
    }

    private void SetReservedSlots(Span<ulong> entries)
    {
        entries[EntryRules.FirstReservedSlot..(EntryRules.LastReservedSlot + 1)].Clear();
        entries[EntryRules.FirstReservedSlot] = core.MachineToPhysical.L4Entry;
        entries[EntryRules.FirstReservedSlot + 1] = core.MachineToPhysical.L4Entry;
    }

    /// <summary>Takes what one entry of a table refers to.</summary>
    private Errno TryGetEntry(Mfn table, int level, PageTableEntry entry, DomId owner, IPreemptible? preemptible)
    {
        if (!entry.IsPresent)
            return Errno.None;
        if (EntryRules.HasForbiddenFlags(level, entry))
            return Errno.EINVAL;
        if (level == 1)
            return TryGetL1Target(entry, owner);
        var error = TryGetFrameIfValid(entry.Frame, EntryRules.TypeOf(level - 1), owner, preemptible);
        return error == Errno.EINVAL && TryGetLinear(table, level, entry, owner) ? Errno.None : error;
    }

    private Errno TryGetFrameIfValid(Mfn mfn, FrameType type, DomId owner, IPreemptible? preemptible)
        => mfn.Value < Frames.Length ? TryGetFrame(mfn, type, owner, preemptible) : Errno.EINVAL;

    private Errno TryGetL1Target(PageTableEntry entry, DomId owner)
    {
        var mfn = entry.Frame;
        if (mfn.Value >= Frames.Length)
            return EntryRules.IsInvalidFrame(mfn) ? Errno.EINVAL : Errno.EPERM;
        if (!Frames.TryGet(mfn, owner))
            return Errno.EBUSY;
        if (!entry.IsWritable || TryGet(mfn, FrameType.Writable) == Errno.None)
            return Errno.None;
        Frames.Put(mfn);
        return Errno.EBUSY;
    }

    /// <summary>Gives back what one entry of a table refers to.</summary>
    private Errno PutEntry(Mfn table, int level, PageTableEntry entry, IPreemptible? preemptible)
    {
        if (!entry.IsPresent)
            return Errno.None;
        if (level == 1)
        {
            PutL1Target(entry);
            return Errno.None;
        }
        if (TypeOf(entry.Frame) != EntryRules.TypeOf(level))
            return PutFrame(entry.Frame, preemptible);
        PutLinear(table, entry);
        return Errno.None;
    }

    private void PutL1Target(PageTableEntry entry)
    {
        var mfn = entry.Frame;
        Frames.NoteUseEnds(mfn);
        if (entry.IsWritable)
            Put(mfn);
        Frames.Put(mfn);
    }

    /// <summary>
    /// A read-only entry that refers to a table of its own level, so that a guest sees its tables as memory: to itself, or to another that is
    /// valid and has no such entries itself.
    /// </summary>
    private bool TryGetLinear(Mfn table, int level, PageTableEntry entry, DomId owner)
    {
        var target = entry.Frame;
        if (entry.IsWritable || target.Value >= Frames.Length)
            return false;
        if (target == table)
            return true;
        if (!IsValid(target, EntryRules.TypeOf(level)) || Frames[target].LinearCount > 0 || Frames[table].LinearCount < 0)
            return false;
        if (!Frames.TryGet(target, owner))
            return false;
        Interlocked.Increment(ref Frames[target].Use);
        Frames[target].LinearCount--;
        Frames[table].LinearCount++;
        return true;
    }

    private void PutLinear(Mfn table, PageTableEntry entry)
    {
        var target = entry.Frame;
        if (target == table)
            return;
        Frames[target].LinearCount++;
        Frames[table].LinearCount--;
        Put(target);
        Frames.Put(target);
    }
}
