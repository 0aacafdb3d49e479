using System.Numerics;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Stepping;
using Pv.Machine;

namespace Pv.Hypervisor.Memory;

/// <summary>
/// The frame table: who owns each frame, how many references it has, and as what it is used. These counts are the isolation of PV
/// guests: a frame goes back to the host only when its last reference is gone, whoever holds it.
/// </summary>
/// <remarks>References are counted atomically, by any thread. A domain's list of frames is guarded by the domain's page lock.</remarks>
internal sealed partial class FrameTable : IDisposable
{
    internal const ulong Allocated = 1ul << 63, XenFrame = 1ul << 62, ReferenceMask = 0xffff_ffff;

    private readonly MachineMemory _memory;
    private readonly FrameAllocator _allocator;
    private readonly MachineTable<FrameInfo> _rows;
    private readonly DomainTable _domains;
    private readonly Stepper? _stepper;
    private ulong _flushClock = 1;

    public FrameTable(MachineMemory memory, FrameAllocator allocator, DomainTable domains, Stepper? stepper)
    {
        _stepper = stepper;
        _memory = memory;
        _allocator = allocator;
        _domains = domains;
        _rows = new MachineTable<FrameInfo>(memory.FrameCount);
    }

    public ulong Length => _rows.Length;

    /// <summary>Has an owner's vCPUs forget a frame before it is free: the owner, and when the frame was last used by an entry.</summary>
    public Action<DomId, ulong>? FlushBeforeFree { get; set; }

    /// <summary>
    /// Counts full flushes of translations. A frame that was stamped when it was last used as something may still be reachable as that by
    /// a vCPU whose last flush is not later. It never comes round: a guest may flush as often as it likes, and a vCPU of its own never.
    /// </summary>
    public ulong FlushClock => Volatile.Read(ref _flushClock);

    /// <summary>The time of a flush that begins now.</summary>
    public ulong TickFlushClock() => Interlocked.Increment(ref _flushClock);

    /// <summary>
    /// Stamps a frame of which a use ends. Several threads may do so at once, and one of them may have looked at the clock long ago: the
    /// latest time stays.
    /// </summary>
    public void NoteUseEnds(Mfn mfn)
    {
        ref var stamp = ref this[mfn].Stamp;
        var now = FlushClock;
        for (var seen = Volatile.Read(ref stamp); seen < now;)
        {
            var found = Interlocked.CompareExchange(ref stamp, now, seen);
            if (found == seen)
                return;
            seen = found;
        }
    }

    internal ref FrameInfo this[Mfn mfn] => ref _rows[mfn.Value];

    /// <summary>
    /// Takes an extent for a domain's own memory, within its maximum, of frames below <paramref name="limit"/>. Zeroed: nobody's old content
    /// shows.
    /// </summary>
    public Errno TryAllocate(Domain owner, int order, out Mfn first, ulong limit = ulong.MaxValue)
    {
        first = Mfn.Invalid;
        var frames = 1ul << order;
        using (owner.PageLock.Hold())
        {
            if (owner.IsDying)
                return Errno.EINVAL;
            if (owner.TotalPages + frames > owner.MaxPages)
                return Errno.ENOMEM;
            if (!TryTake(owner, order, limit, out first))
                return Errno.ENOMEM;
            for (ulong i = 0; i < frames; i++)
                Link(owner, first.Plus(i));
            owner.Core.Meter?.Count((int)frames);
            owner.TotalPages += frames;
        }
        return Errno.None;
    }

    /// <summary>
    /// Takes one frame that the hypervisor shares with a domain (shared info, grant table). The domain owns it and may map it, but it is
    /// not of its memory; the hypervisor's own reference keeps it until <see cref="ReleaseXenFrame"/>.
    /// </summary>
    public bool TryAllocateXenFrame(Domain owner, out Mfn mfn)
    {
        if (!TryTake(null, 0, ulong.MaxValue, out mfn))
            return false;
        ref var row = ref this[mfn];
        row.Owner = owner.Id;
        row.Use = PageTypes.SharedFrameUse;
        Volatile.Write(ref row.Count, Allocated | XenFrame | 1);
        Interlocked.Increment(ref owner.XenFrames);
        return true;
    }

    /// <summary>Drops the hypervisor's own reference to a frame that it shared.</summary>
    public void ReleaseXenFrame(Mfn mfn)
    {
        DropAllocation(mfn);
    }

    /// <summary>Takes a reference to a frame of <paramref name="owner"/>. False when the frame is not (or no longer) that domain's.</summary>
    public bool TryGet(Mfn mfn, DomId owner)
    {
        if (mfn.Value >= Length)
            return false;
        ref var row = ref this[mfn];
        while (true)
        {
            var seen = Volatile.Read(ref row.Count);
            _stepper?.Point();
            if ((seen & Allocated) == 0 || (seen & ReferenceMask) is 0 or >= ReferenceMask - 1)
                return false;
            if (row.Owner != owner)
                return false;
            if (Interlocked.CompareExchange(ref row.Count, seen + 1, seen) == seen)
            {
                if (row.Owner == owner)
                    return true;
                Put(mfn);
                return false;
            }
        }
    }

    /// <summary>Takes one more reference to a frame to which the caller holds one.</summary>
    public void GetAnother(Mfn mfn) => Interlocked.Increment(ref this[mfn].Count);

    /// <summary>Gives a reference back. The last one frees the frame.</summary>
    public void Put(Mfn mfn)
    {
        _stepper?.Point();
        ref var row = ref this[mfn];
        var left = Interlocked.Decrement(ref row.Count);
        if ((left & ReferenceMask) == ReferenceMask)
            throw new InvalidOperationException($"{mfn}: a reference was given back that nobody held.");
        if ((left & ReferenceMask) == 0)
            Free(mfn, ref row, (left & XenFrame) != 0);
    }

    /// <summary>Drops the reference that being allocated is. False when somebody did so before.</summary>
    public bool DropAllocation(Mfn mfn)
    {
        ref var row = ref this[mfn];
        while (true)
        {
            var seen = Volatile.Read(ref row.Count);
            if ((seen & Allocated) == 0)
                return false;
            if (Interlocked.CompareExchange(ref row.Count, seen & ~Allocated, seen) == seen)
                break;
        }
        Put(mfn);
        return true;
    }

    /// <summary>
    /// Takes a frame of a domain's out of use, as long as nobody refers to it: nobody can from now on, until <see cref="PutBack"/>, or
    /// <see cref="Put"/>, which frees it.
    /// </summary>
    public bool TryTakeOut(Mfn mfn, DomId owner)
    {
        // Held first, so that it stays the owner's: a stranger's frame must not be out of use even for a moment.
        if (!TryGet(mfn, owner))
            return false;
        if (Interlocked.CompareExchange(ref this[mfn].Count, 1, Allocated | 2) == (Allocated | 2))
            return true;
        Put(mfn);
        return false;
    }

    /// <summary>Undoes <see cref="TryTakeOut"/>.</summary>
    public void PutBack(Mfn mfn) => Volatile.Write(ref this[mfn].Count, Allocated | 1);

    /// <summary>Whether the frame belongs to a domain now, and to which. Without a reference the answer may age at once.</summary>
    public bool TryGetOwner(Mfn mfn, out DomId owner)
    {
        owner = DomId.Invalid;
        if (mfn.Value >= Length || (Volatile.Read(ref this[mfn].Count) & Allocated) == 0)
            return false;
        owner = this[mfn].Owner;
        return true;
    }

    public bool IsXenFrame(Mfn mfn) => (Volatile.Read(ref this[mfn].Count) & XenFrame) != 0;

    /// <summary>How many references the frame has; for tests and reports.</summary>
    public uint References(Mfn mfn) => (uint)(Volatile.Read(ref this[mfn].Count) & ReferenceMask);

    /// <summary>
    /// Gathers the frames that the calling thread frees until it is disposed, and gives them back to the host in runs: a domain's end frees
    /// many neighbours.
    /// </summary>
    public DiscardBatch BeginDiscardBatch() => _batch = new DiscardBatch(this);

    public void Dispose() => _rows.Dispose();

    [ThreadStatic]
    private static DiscardBatch? _batch;

    /// <summary>See <see cref="BeginDiscardBatch"/>.</summary>
    internal sealed class DiscardBatch(FrameTable table) : IDisposable
    {
        private Mfn _first;
        private ulong _count;

        public void Add(Mfn mfn)
        {
            if (_count != 0 && mfn == _first.Plus(_count))
            {
                _count++;
                return;
            }
            Flush();
            (_first, _count) = (mfn, 1);
        }

        public void Dispose()
        {
            Flush();
            _batch = null;
        }

        private void Flush()
        {
            if (_count == 0)
                return;
            table._memory.Discard(_first, _count);
            while (_count != 0)
            {
                // The largest extent that begins here.
                var order = Math.Min(BitOperations.Log2(_count), BitOperations.TrailingZeroCount(_first.Value));
                table._allocator.Free(_first, order);
                _first = _first.Plus(1ul << order);
                _count -= 1ul << order;
            }
        }
    }

    private void Link(Domain owner, Mfn mfn)
    {
        ref var row = ref this[mfn];
        row.Owner = owner.Id;
        row.Use = 0;
        row.Stamp = 0;
        row.ValidatedEntries = 0;
        row.LinearCount = 0;
        Push(ref owner.FirstFrame, mfn, ref row);
        Volatile.Write(ref row.Count, Allocated | 1);
    }

    private void Free(Mfn mfn, ref FrameInfo row, bool xenFrame)
    {
        var owner = _domains.Find(row.Owner) ?? throw new InvalidOperationException($"{mfn} belongs to {row.Owner}, which is gone.");
        // The last reference may have been an entry of the owner's page tables: no vCPU may still reach the frame when somebody else gets it.
        FlushBeforeFree?.Invoke(row.Owner, row.Stamp);
        owner.Core.Meter?.Count(1);
        Disown(ref row);
        if (xenFrame)
        {
            GiveBack(mfn);
            Interlocked.Decrement(ref owner.XenFrames);
        }
        else
        {
            Interlocked.Increment(ref owner.FramesBeingFreed);
            using (owner.PageLock.Hold())
            {
                Unlink(owner, mfn, ref row);
            }
            if (_batch is { } batch)
            {
                batch.Add(mfn);
            }
            else
            {
                GiveBack(mfn);
            }
            Interlocked.Decrement(ref owner.FramesBeingFreed);
        }
        owner.FrameFreed();
    }

    /// <summary>Nobody's from now on, and not to be had before <see cref="GiveBack"/>.</summary>
    private static void Disown(ref FrameInfo row) => (row.Use, row.Count, row.Owner) = (0, 0, DomId.Invalid);

    /// <summary>Gives a frame back to the host and to the allocator.</summary>
    private void GiveBack(Mfn mfn)
    {
        _memory.Discard(mfn, 1);
        _allocator.Free(mfn, 0);
    }
}
