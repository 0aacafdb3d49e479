using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

// Single entries of tables that are in use.
internal sealed partial class PageTypes
{
    /// <summary>
    /// Writes one entry of a valid table of <paramref name="owner"/>, whose paging lock is held: takes what the new entry refers to, stores it
    /// as Xen stores it, gives back what the old one did.
    /// </summary>
    /// <param name="owner">Whose table it is.</param>
    /// <param name="entryAddress">The entry's machine address.</param>
    /// <param name="level">The table's level.</param>
    /// <param name="wanted">What the guest wants there.</param>
    /// <param name="preserveAccessedDirty">Keep the accessed and dirty bits that are there.</param>
    /// <param name="preemptible">The vCPU whose pCPU may be wanted meanwhile.</param>
    /// <param name="expected">What must stand there still; <see cref="Errno.EAGAIN"/> when it does not, since another processor marked the entry.</param>
    public Errno UpdateEntry(
        Domain owner, ulong entryAddress, int level, PageTableEntry wanted, bool preserveAccessedDirty, IPreemptible? preemptible, PageTableEntry? expected = null)
    {
        var table = Mfn.OfAddress(entryAddress);
        var index = (int)(entryAddress & PageSize.OffsetMask) / sizeof(ulong);
        // A walk may have come here through a linear map, by which a table of a higher level stands where an L1 table is looked for.
        if (!IsValid(table, EntryRules.TypeOf(level)) || !EntryRules.IsGuestSlot(level, index))
            return Errno.EINVAL;
        ref var slot = ref core.Memory.At<ulong>(entryAddress);
        var old = new PageTableEntry(Volatile.Read(ref slot));
        if (wanted.IsPresent && EntryRules.HasForbiddenFlags(level, wanted))
            return Errno.EINVAL;
        if (ReferToSame(old, wanted))
        {
            if (expected is { } same)
                return TryStore(table, ref slot, same, EntryRules.Adjust(level, wanted)) ? Errno.None : Errno.EAGAIN;
            Store(table, ref slot, old, EntryRules.Adjust(level, wanted), preserveAccessedDirty);
            return Errno.None;
        }
        if (TryGetEntry(table, level, wanted, owner.Id, preemptible) is not Errno.None and var error)
            return error;
        if (expected is { } other)
        {
            var stored = TryStore(table, ref slot, other, EntryRules.Adjust(level, wanted));
            PutEntry(table, level, stored ? other : wanted, null);
            return stored ? Errno.None : Errno.EAGAIN;
        }
        old = Store(table, ref slot, old, EntryRules.Adjust(level, wanted), preserveAccessedDirty);
        if (PutEntry(table, level, old, preemptible) == Errno.ERESTART)
            owner.UnfinishedTables.Enqueue(old.Frame);
        return Errno.None;
    }

    /// <summary>
    /// Writes an L1 entry that refers to a frame of another domain, which a grant allows. The entry takes a reference and a use of its own, so
    /// that a guest may overwrite it like any other.
    /// </summary>
    public bool TryInsertForeign(Vcpu vcpu, ulong entryAddress, PageTableEntry wanted, DomId owner)
    {
        if (TryGetL1Target(wanted, owner) != Errno.None)
            return false;
        ref var slot = ref core.Memory.At<ulong>(entryAddress);
        var old = Store(Mfn.OfAddress(entryAddress), ref slot, default, wanted, false);
        PutEntry(Mfn.OfAddress(entryAddress), 1, old, vcpu);
        return true;
    }

    /// <summary>Takes such an entry away, if it is still there.</summary>
    public bool TryRemoveForeign(Vcpu vcpu, ulong entryAddress, PageTableEntry expected)
    {
        ref var slot = ref core.Memory.At<ulong>(entryAddress);
        var old = new PageTableEntry(Volatile.Read(ref slot));
        if (!old.IsPresent || old.Frame != expected.Frame || old.IsWritable != expected.IsWritable)
            return false;
        old = Store(Mfn.OfAddress(entryAddress), ref slot, old, default, false);
        PutEntry(Mfn.OfAddress(entryAddress), 1, old, vcpu);
        return true;
    }

    /// <summary>
    /// Takes such an entry away, if it is still there, and moves another entry of the domain's to its place; what that one refers to stays held.
    /// </summary>
    public bool TryReplaceForeign(Vcpu vcpu, ulong entryAddress, PageTableEntry expected, ulong fromAddress)
    {
        ref var slot = ref core.Memory.At<ulong>(entryAddress);
        ref var from = ref core.Memory.At<ulong>(fromAddress);
        var old = new PageTableEntry(Volatile.Read(ref slot));
        if (entryAddress == fromAddress || !old.IsPresent || old.Frame != expected.Frame || old.IsWritable != expected.IsWritable)
            return false;
        var moved = Store(Mfn.OfAddress(fromAddress), ref from, new PageTableEntry(Volatile.Read(ref from)), default, false);
        old = Store(Mfn.OfAddress(entryAddress), ref slot, old, moved, false);
        PutEntry(Mfn.OfAddress(entryAddress), 1, old, vcpu);
        return true;
    }

    /// <summary>Writes a word of a frame that is no page table. The frame must be usable as writable.</summary>
    public Errno WriteWord(Mfn frame, ulong address, ulong value)
    {
        if (TryGet(frame, FrameType.Writable) != Errno.None)
            return Errno.EINVAL;
        Volatile.Write(ref core.Memory.At<ulong>(address), value);
        core.Memory.Marks.NoteWrite(frame);
        Put(frame);
        return Errno.None;
    }

    /// <summary>
    /// Goes on taking apart the tables whose last use was given back while the pCPU was wanted. The paging lock is held.
    /// <see cref="Errno.ERESTART"/> when it is wanted again.
    /// </summary>
    public Errno FinishTables(Domain domain, IPreemptible? preemptible)
    {
        while (domain.UnfinishedTables.TryPeek(out var table))
        {
            if (PutFrame(table, preemptible) == Errno.ERESTART)
                return Errno.ERESTART;
            domain.UnfinishedTables.Dequeue();
        }
        return Errno.None;
    }

    /// <summary>Two present entries that hold the same references: only other bits change.</summary>
    private static bool ReferToSame(PageTableEntry old, PageTableEntry wanted)
        => old.IsPresent && wanted.IsPresent && old.Frame == wanted.Frame
            && old.IsWritable == wanted.IsWritable;

    /// <summary>Stores an entry over one that is known. False when it has changed.</summary>
    private bool TryStore(Mfn table, ref ulong slot, PageTableEntry expected, PageTableEntry wanted)
    {
        if (Interlocked.CompareExchange(ref slot, wanted.Value, expected.Value) != expected.Value)
            return false;
        core.Memory.Marks.NoteWrite(table);
        return true;
    }

    /// <summary>Stores an entry; the processor may set accessed and dirty bits at the same time. Returns what was there.</summary>
    private PageTableEntry Store(Mfn table, ref ulong slot, PageTableEntry old, PageTableEntry wanted, bool preserveAccessedDirty)
    {
        const ulong kept = PageTableEntry.Accessed | PageTableEntry.Dirty;
        if (!preserveAccessedDirty)
        {
            old = new PageTableEntry(Interlocked.Exchange(ref slot, wanted.Value));
        }
        else
        {
            while (true)
            {
                var seen = Interlocked.CompareExchange(ref slot, wanted.Value | old.Value & kept, old.Value);
                if (seen == old.Value)
                    break;
                old = new PageTableEntry(seen);
            }
        }
        core.Memory.Marks.NoteWrite(table);
        return old;
    }
}
