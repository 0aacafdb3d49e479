using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Stepping;

namespace Pv.Hypervisor.Grants;

/// <summary>
/// A domain's grant table: the entries in which it says who may use which of its frames, how often each is in use, and the maps that it
/// holds of others'.
/// </summary>
/// <remarks>
/// The entries are shared with the guest, which may write them at any time: one is read once, marked as in use if it is still the same, and
/// judged on what was read. The domain's own lock guards the rest; no two domains' are held at once.
/// </remarks>
internal sealed partial class GrantTable
{
    /// <summary>Maps of a frame of the maptrack table.</summary>
    public const int MapsPerFrame = 256;

    // A guest that changes an entry so often while it is looked at means no good, and the looker holds the table's lock.
    private const int MostTries = 5;

    private readonly Domain _domain;
    private readonly GrantEntries _entries;
    private readonly ActiveGrants _active = new();
    private readonly List<GrantMap?> _maps = [];
    private readonly Stack<uint> _freeHandles = new();
    private readonly uint _maxMaptrackFrames;
    private bool _closed;

    public GrantTable(Domain domain, uint maxFrames, uint maxMaptrackFrames)
    {
        _domain = domain;
        Lock = new CoreLock(domain.Core.Stepper, $"the grants of {domain.Id}");
        _entries = new GrantEntries(domain);
        MaxFrames = maxFrames;
        _maxMaptrackFrames = maxMaptrackFrames;
    }

    public CoreLock Lock { get; }

    /// <summary>The most frames that the table may have.</summary>
    public uint MaxFrames { get; }

    public uint FrameCount
    {
        get
        {
            using (Lock.Hold())
                return (uint)_entries.FrameCount;
        }
    }

    /// <summary>Makes the table at least so long. False when that is too long, or there is no memory.</summary>
    public bool TryGrow(uint frames)
    {
        using (Lock.Hold())
        {
            if (_closed || frames > MaxFrames)
                return false;
            var added = true;
            while (added && _entries.FrameCount < frames)
                added = _entries.TryAddFrame();
            // Where memory ran out, the frames that were had stay, and their entries can be used.
            return added;
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
        using (Lock.Hold())
        {
            // The domain may have come to its end in between.
            if (index >= (uint)_entries.FrameCount)
                return Errno.EINVAL;
            mfn = _entries.Frame((int)index);
        }
        return Errno.None;
    }

    /// <summary>Whether any entry is mapped or being copied, so that the table's form cannot change.</summary>
    public bool IsInUse
    {
        get
        {
            using (Lock.Hold())
                return _active.List().Any();
        }
    }

    /// <summary>The form of the entries, 1 or 2.</summary>
    public int Version
    {
        get
        {
            using (Lock.Hold())
                return _entries.Version;
        }
    }

    /// <summary>Changes the form of the entries, which makes all invalid but those reserved for console and xenstore. Others may not be in use.</summary>
    public Errno TrySetVersion(int version)
    {
        using (Lock.Hold())
        {
            if (_entries.Version == version)
                return Errno.None;
            if (_closed)
                return Errno.EINVAL;
            return _active.InUse != 0 ? Errno.EBUSY : _entries.TryChangeVersion(version);
        }
    }

    /// <summary>One of the frames with the marks of use of version 2. False when there are not so many.</summary>
    public bool TryGetStatusFrame(uint index, out Mfn mfn)
    {
        using (Lock.Hold())
        {
            mfn = Mfn.Invalid;
            if (index >= (uint)_entries.StatusFrameCount)
                return false;
            mfn = _entries.StatusFrame((int)index);
            return true;
        }
    }

    public uint StatusFrameCount
    {
        get
        {
            using (Lock.Hold())
                return (uint)_entries.StatusFrameCount;
        }
    }

    /// <summary>Swaps what two entries say (<c>GNTTABOP_swap_grant_ref</c>).</summary>
    public GrantStatus Swap(GrantRef one, GrantRef other)
    {
        using (Lock.Hold())
        {
            if (_closed || one.Value >= _entries.Count || other.Value >= _entries.Count)
                return GrantStatus.BadGrantRef;
            if (one == other)
                return GrantStatus.Okay;
            if (_active.IsUsed(one) || _active.IsUsed(other))
                return GrantStatus.TryAgain;
            _entries.Swap(one, other);
            return GrantStatus.Okay;
        }
    }

    /// <summary>
    /// Takes one use of an entry for <paramref name="user"/>: marks it in use for the guest to see, and holds the granted frame. A map needs a
    /// whole page.
    /// </summary>
    public GrantStatus TryPin(GrantRef reference, DomId user, bool readOnly, out Mfn mfn)
    {
        var status = TryPin(reference, user, readOnly, GrantUse.Map, out var pinned);
        mfn = pinned.Mfn;
        return status;
    }

    /// <summary>The same for a copy, to which a part of a page will do, or a grant that is passed on: then nothing is held but the entry itself.</summary>
    public GrantStatus TryPinForCopy(GrantRef reference, DomId user, bool readOnly, bool mayBePassedOn, out PinnedGrant pinned)
        => TryPin(reference, user, readOnly, mayBePassedOn ? GrantUse.Copy : GrantUse.PassedCopy, out pinned);

    private GrantStatus TryPin(GrantRef reference, DomId user, bool readOnly, GrantUse use, out PinnedGrant pinned)
    {
        pinned = default;
        using (Lock.Hold())
        {
            if (_closed || reference.Value >= _entries.Count)
                return GrantStatus.BadGrantRef;
            ref var own = ref _active[reference];
            var marks = GrantEntryFlags.Reading | (readOnly ? 0 : GrantEntryFlags.Writing);
            if (!TryReadAndMark(reference, user, readOnly, use, marks, out var entry))
                return GrantStatus.GeneralError;
            var isPassedOn = entry.Type == GrantEntryFlags.Transitive;
            if (own.Pins == 0)
            {
                if (!isPassedOn && !TryHold(entry.Frame, out own.Mfn))
                {
                    ClearUse(reference, own);
                    return GrantStatus.GeneralError;
                }
                (own.Frame, own.User, own.IsPassedOn, own.Part) = (entry.Frame, user, isPassedOn, entry.Part);
            }
            else if (own.Frame != entry.Frame || own.User != user || own.IsPassedOn != isPassedOn || own.Part != entry.Part)
            {
                // The guest changed an entry that is in use.
                ClearUse(reference, own);
                return GrantStatus.GeneralError;
            }
            if (own.Pins++ == 0)
                _active.NoteUse(reference, begins: true);
            if (!readOnly)
                own.WritablePins++;
            pinned = new PinnedGrant(own.Mfn, entry.Granted, isPassedOn ? (entry.PassedDomain, entry.PassedRef) : null);
            if (!readOnly && !isPassedOn && _domain.Core.PageTypes.TryGet(own.Mfn, FrameType.Writable) != Errno.None)
            {
                Unpin(reference, ref own, readOnly);
                return GrantStatus.GeneralError;
            }
            return GrantStatus.Okay;
        }
    }

    /// <summary>Commits an entry to a frame that <paramref name="from"/> transfers, and tells where the domain wants it.</summary>
    public bool TryAccept(GrantRef reference, DomId from, out Pfn at)
    {
        using (Lock.Hold())
        {
            at = Pfn.Invalid;
            return !_closed && reference.Value < _entries.Count && _entries.TryAccept(reference, from, out at);
        }
    }

    /// <summary>Tells the guest which frame came.</summary>
    public void Complete(GrantRef reference, Mfn mfn)
    {
        using (Lock.Hold())
            _entries.Complete(reference, mfn);
    }

    /// <summary>Gives one use back.</summary>
    public void Unpin(GrantRef reference, bool readOnly)
    {
        using (Lock.Hold())
        {
            ref var own = ref _active[reference];
            if (!readOnly && !own.IsPassedOn)
                _domain.Core.PageTypes.Put(own.Mfn);
            Unpin(reference, ref own, readOnly);
        }
    }

    /// <summary>
    /// Takes a handle for a map to come, which nobody finds until <see cref="TrySetMap"/>: a map that exists has its handle, so that what could
    /// be done to it in between need not be undone.
    /// </summary>
    public bool TryTakeHandle(out uint handle)
    {
        using (Lock.Hold())
            return TryTakeHandleLocked(out handle);
    }

    /// <summary>Notes a map that this domain holds of another's entry. False when the domain came to its end meanwhile.</summary>
    public bool TrySetMap(uint handle, GrantMap map)
    {
        using (Lock.Hold())
        {
            if (_closed)
                return false;
            _maps[(int)handle] = map;
            return true;
        }
    }

    /// <summary>Gives back a handle under which there is no map.</summary>
    public void ReturnHandle(uint handle)
    {
        using (Lock.Hold())
        {
            if (!_closed)
                _freeHandles.Push(handle);
        }
    }

    /// <summary>
    /// Maps a frame into the physical map of an auto-translated domain. Frame and handle appear together, under one taking of the lock:
    /// Dom0's back ends come here at the rate of their rings.
    /// </summary>
    public GrantStatus TryMapPhysical(PhysicalMap physical, in GrantMap map, out uint handle)
    {
        handle = uint.MaxValue;
        var at = Pfn.OfAddress(map.HostAddress);
        if (at.Value >= PhysicalMap.Limit)
            return GrantStatus.GeneralError;
        using (Lock.Hold())
        {
            if (!TryTakeHandleLocked(out var taken))
                return GrantStatus.NoDeviceSpace;
            using (_domain.PageLock.Hold())
            {
                if (physical.Get(at, out _) != PhysicalMapKind.Empty)
                {
                    _freeHandles.Push(taken);
                    return GrantStatus.GeneralError;
                }
                physical.Set(at, map.ReadOnly ? PhysicalMapKind.ReadOnlyGrant : PhysicalMapKind.Grant, map.Mfn);
            }
            _maps[(int)taken] = map;
            handle = taken;
            return GrantStatus.Okay;
        }
    }

    /// <summary>Undoes <see cref="TryMapPhysical"/>, and tells what was mapped.</summary>
    public GrantStatus TryUnmapPhysical(PhysicalMap physical, uint handle, ulong hostAddress, out GrantMap map)
    {
        map = default;
        using (Lock.Hold())
        {
            if (handle >= (uint)_maps.Count || _maps[(int)handle] is not { } found)
                return GrantStatus.BadHandle;
            if (hostAddress != found.HostAddress)
                return GrantStatus.BadVirtualAddress;
            var at = Pfn.OfAddress(hostAddress);
            using (_domain.PageLock.Hold())
            {
                if (physical.Get(at, out var mfn) is not (PhysicalMapKind.Grant or PhysicalMapKind.ReadOnlyGrant) || mfn != found.Mfn)
                    return GrantStatus.GeneralError;
                physical.Clear(at);
            }
            _maps[(int)handle] = null;
            _freeHandles.Push(handle);
            map = found;
            return GrantStatus.Okay;
        }
    }

    public GrantMap? FindMap(uint handle)
    {
        using (Lock.Hold())
            return handle < (uint)_maps.Count ? _maps[(int)handle] : null;
    }

    /// <summary>Whether the domain maps a frame by a grant, as far as one part of its maps tells (<see cref="MapsPerFrame"/>). False when there is no such part.</summary>
    public bool TryLookForMap(Mfn mfn, uint part, out bool found)
    {
        using (Lock.Hold())
        {
            found = false;
            var first = (long)part * MapsPerFrame;
            if (first >= _maps.Count)
                return false;
            var maps = CollectionsMarshal.AsSpan(_maps)[(int)first..];
            foreach (ref readonly var map in maps[..Math.Min(maps.Length, MapsPerFrame)])
                found |= map is { } held && held.Mfn == mfn;
            _domain.Core.Meter?.Count(Math.Min(maps.Length, MapsPerFrame));
            return true;
        }
    }

    /// <summary>Forgets a map. False when it was forgotten before.</summary>
    public bool TryRemoveMap(uint handle, GrantMap map)
    {
        using (Lock.Hold())
        {
            if (handle >= (uint)_maps.Count || _maps[(int)handle] != map)
                return false;
            _maps[(int)handle] = null;
            _freeHandles.Push(handle);
            return true;
        }
    }

    /// <summary>
    /// The domain is at its end: drops the maps that it holds, and the table itself. What others map of it stays theirs until they unmap.
    /// <see cref="Errno.ERESTART"/> when the stretch is over: call again.
    /// </summary>
    public Errno Destroy(StretchBudget budget)
    {
        while (!budget.IsSpent)
        {
            GrantMap? map = null;
            using (Lock.Hold())
            {
                _closed = true;
                if (_maps.Count != 0)
                {
                    map = _maps[^1];
                    _maps.RemoveAt(_maps.Count - 1);
                }
                else if (!_entries.TryReleaseLast())
                {
                    return Errno.None;
                }
            }
            // The frame that was mapped may be free then.
            budget.Spend(2);
            _domain.Core.Meter?.Count(1);
            if (map is { } held)
                GrantMapping.Release(_domain, held);
        }
        return Errno.ERESTART;
    }

    private bool TryTakeHandleLocked(out uint handle)
    {
        handle = uint.MaxValue;
        if (_closed)
            return false;
        if (_freeHandles.TryPop(out handle))
            return true;
        if (_maps.Count >= _maxMaptrackFrames * MapsPerFrame)
            return false;
        handle = (uint)_maps.Count;
        _maps.Add(null);
        return true;
    }

    private bool TryReadAndMark(GrantRef reference, DomId user, bool readOnly, GrantUse use, GrantEntryFlags marks, out GrantEntry entry)
    {
        for (var tries = 0; tries < MostTries; tries++)
        {
            entry = _entries.Read(reference);
            if (!Permits(entry, user, readOnly, use))
                return false;
            if (_entries.TryMark(reference, entry, marks))
                return true;
        }
        entry = default;
        return false;
    }

    private void Unpin(GrantRef reference, ref ActiveGrant own, bool readOnly)
    {
        own.Pins--;
        if (!readOnly)
            own.WritablePins--;
        ClearUse(reference, own);
        if (own.Pins != 0)
            return;
        _active.NoteUse(reference, begins: false);
        var (mfn, holdsFrame) = (own.Mfn, !own.IsPassedOn);
        own = default;
        if (holdsFrame)
            _domain.Core.Frames.Put(mfn);
    }

    /// <summary>Takes the marks away that no use backs any more.</summary>
    private void ClearUse(GrantRef reference, in ActiveGrant active)
    {
        var unused = (active.WritablePins == 0 ? GrantEntryFlags.Writing : 0) | (active.Pins == 0 ? GrantEntryFlags.Reading : 0);
        if (unused != 0)
            _entries.ClearMarks(reference, unused);
    }

    private bool Permits(in GrantEntry entry, DomId user, bool readOnly, GrantUse use)
    {
        if (entry.User != user || (!readOnly && entry.IsReadOnly))
            return false;
        var hasParts = _entries.Version == 2;
        return entry.Type switch
        {
            GrantEntryFlags.PermitAccess => use != GrantUse.Map || !hasParts || !entry.IsSubPage,
            GrantEntryFlags.Transitive => use == GrantUse.Copy && hasParts && entry.PassedDomain != _domain.Id,
            _ => false,
        };
    }

    /// <summary>Finds and holds the frame that a guest's entry names: a machine frame, or, for an auto-translated domain, a pseudo-physical one.</summary>
    private bool TryHold(ulong frame, out Mfn mfn)
    {
        mfn = new Mfn(frame);
        if (_domain.PhysicalMap is { } map && map.Get(new Pfn(frame), out mfn) != PhysicalMapKind.Own)
            return false;
        return _domain.Core.Frames.TryGet(mfn, _domain.Id);
    }

    /// <summary>The entries that somebody maps or copies from now.</summary>
    public IReadOnlyList<(int Reference, DomId User, Mfn Mfn, int Pins)> ListUsed()
    {
        var used = new List<(int, DomId, Mfn, int)>();
        using (Lock.Hold())
        {
            foreach (var (reference, use) in _active.List())
                used.Add(((int)reference.Value, use.User, use.Mfn, use.Pins));
        }
        return used;
    }

    private enum GrantUse : byte
    {
        Map, Copy, PassedCopy,
    }
}

/// <summary>An entry that is held for a copy.</summary>
/// <param name="Mfn">Its frame.</param>
/// <param name="Granted">The part of the frame that may be copied.</param>
/// <param name="PassedOn">Instead of a frame: whose grant it passes on.</param>
internal readonly record struct PinnedGrant(Mfn Mfn, GrantPart Granted, (DomId Domain, GrantRef Ref)? PassedOn);
