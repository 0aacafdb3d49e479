using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Grants;

/// <summary>
/// A domain's grant table, version 1: the frames in which it says who may use which of its own, how often each entry is in use, and the
/// maps that it holds of others'.
/// </summary>
/// <remarks>
/// The table's frames are shared with the guest, which may write them at any time: an entry is read once, pinned by an atomic exchange of
/// its flags, and judged on what was read. The domain's own lock guards the rest; no two domains' are held at once.
/// </remarks>
internal sealed class GrantTable
{
    private const int EntriesPerFrame = PageSize.Bytes / GrantEntryV1.WireSize;
    private const int MapsPerFrame = 256;
    private const uint FlagsBits = 0xffff;

    private readonly Domain _domain;
    private readonly List<Mfn> _frames = [];
    private readonly List<ActiveGrant> _active = [];
    private readonly List<GrantMap?> _maps = [];
    private readonly Stack<uint> _freeHandles = new();
    private readonly uint _maxMaptrackFrames;
    private bool _closed;

    public GrantTable(Domain domain, uint maxFrames, uint maxMaptrackFrames)
    {
        _domain = domain;
        MaxFrames = maxFrames;
        _maxMaptrackFrames = maxMaptrackFrames;
    }

    public Lock Lock { get; } = new();

    /// <summary>The most frames that the table may have.</summary>
    public uint MaxFrames { get; }

    public uint FrameCount
    {
        get
        {
            lock (Lock)
                return (uint)_frames.Count;
        }
    }

    /// <summary>Makes the table at least so long. False when that is too long, or there is no memory.</summary>
    public bool TryGrow(uint frames)
    {
        lock (Lock)
        {
            if (_closed || frames > MaxFrames)
                return false;
            while (_frames.Count < frames)
            {
                if (!_domain.Core.Frames.TryAllocateXenFrame(_domain, out var mfn))
                    return false;
                _frames.Add(mfn);
                for (var i = 0; i < EntriesPerFrame; i++)
                    _active.Add(default);
            }
            return true;
        }
    }

    /// <summary>One of the table's frames; the table grows to hold it.</summary>
    public Errno GetSharedFrame(uint index, out Mfn mfn)
    {
        mfn = Mfn.Invalid;
        if (index >= MaxFrames)
            return Errno.EINVAL;
        if (!TryGrow(index + 1))
            return Errno.ENOMEM;
        lock (Lock)
        {
            // The domain may have come to its end in between.
            if (index >= (uint)_frames.Count)
                return Errno.EINVAL;
            mfn = _frames[(int)index];
        }
        return Errno.None;
    }

    /// <summary>Whether any entry is mapped or being copied, so that the table's form cannot change.</summary>
    public bool IsInUse
    {
        get
        {
            lock (Lock)
                return _active.Exists(active => active.Pins != 0);
        }
    }

    /// <summary>Makes all entries invalid but those reserved for console and xenstore (<c>GNTTABOP_set_version</c>).</summary>
    public void ClearEntries()
    {
        lock (Lock)
        {
            for (var i = ReservedGrants.Count; i < _active.Count; i++)
                Entry((uint)i) = default;
        }
    }

    /// <summary>
    /// Takes one use of an entry for <paramref name="user"/>: marks it in use for the guest to see, and holds the granted frame.
    /// </summary>
    public GrantStatus TryPin(GrantRef reference, DomId user, bool readOnly, out Mfn mfn)
    {
        mfn = Mfn.Invalid;
        lock (Lock)
        {
            if (_closed || reference.Value >= (uint)_active.Count)
                return GrantStatus.BadGrantRef;
            var active = CollectionsMarshal.AsSpan(_active);
            ref var own = ref active[(int)reference.Value];
            ref var entry = ref Entry(reference.Value);
            if (!TryMarkUsed(ref entry, user, readOnly, out var frame, out var flags))
                return flags;
            if (own.Pins == 0)
            {
                if (!TryHold(frame, out own.Mfn))
                {
                    ClearUse(ref entry, own);
                    return GrantStatus.GeneralError;
                }
                own.Frame = frame;
                own.User = user;
            }
            else if (own.Frame != frame || own.User != user)
            {
                // The guest changed an entry that is in use.
                ClearUse(ref entry, own);
                return GrantStatus.GeneralError;
            }
            own.Pins++;
            if (!readOnly)
                own.WritablePins++;
            mfn = own.Mfn;
            if (!readOnly && _domain.Core.PageTypes.TryGet(mfn, Memory.FrameType.Writable) != Errno.None)
            {
                Unpin(ref own, ref entry, readOnly);
                return GrantStatus.GeneralError;
            }
            return GrantStatus.Okay;
        }
    }

    /// <summary>Gives one use back.</summary>
    public void Unpin(GrantRef reference, bool readOnly)
    {
        lock (Lock)
        {
            var active = CollectionsMarshal.AsSpan(_active);
            ref var own = ref active[(int)reference.Value];
            if (!readOnly)
                _domain.Core.PageTypes.Put(own.Mfn);
            // A table that is gone has nobody left to show the use to.
            var gone = 0ul;
            ref var entry = ref gone;
            if (_frames.Count != 0)
                entry = ref Entry(reference.Value);
            Unpin(ref own, ref entry, readOnly);
        }
    }

    /// <summary>Notes a map that this domain holds of another's entry, under a new handle.</summary>
    public bool TryAddMap(GrantMap map, out uint handle)
    {
        lock (Lock)
        {
            handle = uint.MaxValue;
            if (_closed)
                return false;
            if (_freeHandles.TryPop(out handle))
            {
                _maps[(int)handle] = map;
                return true;
            }
            if (_maps.Count >= _maxMaptrackFrames * MapsPerFrame)
                return false;
            handle = (uint)_maps.Count;
            _maps.Add(map);
            return true;
        }
    }

    public GrantMap? FindMap(uint handle)
    {
        lock (Lock)
            return handle < (uint)_maps.Count ? _maps[(int)handle] : null;
    }

    /// <summary>Forgets a map. False when it was forgotten before.</summary>
    public bool TryRemoveMap(uint handle, GrantMap map)
    {
        lock (Lock)
        {
            if (handle >= (uint)_maps.Count || _maps[(int)handle] != map)
                return false;
            _maps[(int)handle] = null;
            _freeHandles.Push(handle);
            return true;
        }
    }

    /// <summary>The domain is at its end: drops the maps that it holds, and the table itself. What others map of it stays theirs until they unmap.</summary>
    public void Destroy()
    {
        GrantMap?[] maps;
        lock (Lock)
        {
            _closed = true;
            maps = [.. _maps];
            _maps.Clear();
        }
        foreach (var map in maps)
        {
            if (map is not null)
                GrantMapping.Release(_domain, map);
        }
        lock (Lock)
        {
            foreach (var frame in _frames)
                _domain.Core.Frames.ReleaseXenFrame(frame);
            _frames.Clear();
        }
    }

    private void Unpin(ref ActiveGrant own, ref ulong entry, bool readOnly)
    {
        own.Pins--;
        if (!readOnly)
            own.WritablePins--;
        var mfn = own.Mfn;
        ClearUse(ref entry, own);
        if (own.Pins != 0)
            return;
        own = default;
        _domain.Core.Frames.Put(mfn);
    }

    /// <summary>Takes the marks away that no use backs any more.</summary>
    private static void ClearUse(ref ulong entry, in ActiveGrant active)
    {
        if (active.WritablePins == 0)
            Interlocked.And(ref entry, ~(ulong)GrantEntryFlags.Writing);
        if (active.Pins == 0)
            Interlocked.And(ref entry, ~(ulong)GrantEntryFlags.Reading);
    }

    private static bool TryMarkUsed(ref ulong entry, DomId user, bool readOnly, out uint frame, out GrantStatus refusal)
    {
        while (true)
        {
            var seen = Volatile.Read(ref entry);
            var flags = (GrantEntryFlags)(seen & FlagsBits);
            frame = (uint)(seen >> 32);
            refusal = GrantStatus.GeneralError;
            if ((flags & GrantEntryFlags.TypeMask) != GrantEntryFlags.PermitAccess || new DomId((ushort)(seen >> 16)) != user)
                return false;
            if (!readOnly && (flags & GrantEntryFlags.ReadOnly) != 0)
                return false;
            var marked = flags | GrantEntryFlags.Reading | (readOnly ? 0 : GrantEntryFlags.Writing);
            if (Interlocked.CompareExchange(ref entry, seen & ~(ulong)FlagsBits | (ulong)marked, seen) == seen)
                return true;
        }
    }

    /// <summary>Finds and holds the frame that a guest's entry names: a machine frame, or, for an auto-translated domain, a pseudo-physical one.</summary>
    private bool TryHold(uint frame, out Mfn mfn)
    {
        mfn = new Mfn(frame);
        if (_domain.PhysicalMap is { } map && map.Get(new Pfn(frame), out mfn) != Memory.PhysicalMapKind.Own)
            return false;
        return _domain.Core.Frames.TryGet(mfn, _domain.Id);
    }

    // The entry as one word, little-endian: flags, domain, frame.
    private ref ulong Entry(uint reference)
        => ref _domain.Core.Memory.At<ulong>(_frames[(int)reference / EntriesPerFrame].Address + reference % EntriesPerFrame * GrantEntryV1.WireSize);

    /// <summary>How an entry is used now.</summary>
    private struct ActiveGrant
    {
        public Mfn Mfn;
        public uint Frame;
        public DomId User;
        public int Pins, WritablePins;
    }
}
