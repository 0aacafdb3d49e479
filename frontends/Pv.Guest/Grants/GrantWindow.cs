using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// A place where a back end maps one domain's grants, many in one hypercall, again and again: the numbers to map at are kept, and once
/// warm nothing is allocated. Grants of a front end that uses the same ones for ever ("persistent", <c>public/io/blkif.h</c>) can stay mapped.
/// </summary>
/// <remarks>One thread at a time. What is mapped must be unmapped before the disposal.</remarks>
public sealed class GrantWindow : IDisposable
{
    private readonly GrantTable _grants;
    private readonly GuestMemory _memory;
    private readonly DomId _domain;
    private readonly Stack<Pfn> _slots = new();
    private readonly Dictionary<GrantRef, GrantView> _kept = [];
    private readonly int _keeps;
    private Place[] _places = new Place[16];
    private GrantTableMapGrantRef[] _maps = new GrantTableMapGrantRef[16];
    private GrantTableUnmapGrantRef[] _unmaps = new GrantTableUnmapGrantRef[16];
    private int _placeCount, _mapCount, _unmapCount;

    /// <param name="kernel">Dom0's kernel, which maps.</param>
    /// <param name="domain">Whose grants are mapped.</param>
    /// <param name="keeps">How many grants stay mapped, the first that come; all of them are mapped for writing then. 0: none.</param>
    public GrantWindow(Dom0Kernel kernel, DomId domain, int keeps = 0)
    {
        (_grants, _memory) = (kernel.Grants, kernel.Memory);
        (_domain, _keeps) = (domain, keeps);
    }

    /// <summary>How many grants are mapped now, without those that stay so.</summary>
    public int Mapped { get; private set; }

    /// <summary>Notes a grant for the next <see cref="Map"/>, and returns its place in that.</summary>
    public int Want(GrantRef grant, bool readOnly)
    {
        if (_placeCount == _places.Length)
            Array.Resize(ref _places, _places.Length * 2);
        ref var place = ref _places[_placeCount];
        if (_keeps > 0 && _kept.TryGetValue(grant, out place.Kept))
            place.Row = -1;
        else
            place.Row = WantRow(grant, readOnly && _keeps == 0);
        return _placeCount++;
    }

    private int WantRow(GrantRef grant, bool readOnly)
    {
        if (_mapCount == _maps.Length)
            Array.Resize(ref _maps, _maps.Length * 2);
        if (!_slots.TryPop(out var slot))
            slot = _memory.TakeSlot();
        _maps[_mapCount] = new GrantTableMapGrantRef
        {
            HostAddress = slot.Address,
            Flags = GrantMapFlags.HostMap | (readOnly ? GrantMapFlags.ReadOnly : GrantMapFlags.None),
            Ref = grant,
            Domain = _domain,
        };
        return _mapCount++;
    }

    /// <summary>Maps all that is wanted, each with a status of its own: see <see cref="TryGet"/>.</summary>
    /// <exception cref="HypercallException">The call as a whole was refused.</exception>
    public void Map()
    {
        if (_mapCount > 0)
            _grants.Map(_maps.AsSpan(0, _mapCount));
    }

    /// <summary>What <see cref="Map"/> made of a place; false when the grant was not good for it. Each place is asked once.</summary>
    public bool TryGet(int place, out GrantView view)
    {
        if (_places[place].Row is var index && index < 0)
        {
            view = _places[place].Kept;
            return true;
        }
        ref var row = ref _maps[index];
        var slot = Pfn.OfAddress(row.HostAddress);
        if (row.Status != GrantStatus.Okay)
        {
            _slots.Push(slot);
            view = default;
            return false;
        }
        // A grant that one visit names twice is mapped twice; one of the two stays.
        view = new GrantView(slot, row.Handle, _memory.Page(slot), isKept: _kept.Count < _keeps && !_kept.ContainsKey(row.Ref));
        if (view.IsKept)
            _kept.Add(row.Ref, view);
        else
            Mapped++;
        return true;
    }

    /// <summary>Every place was asked for: the next <see cref="Want"/> begins anew.</summary>
    public void Clear() => _placeCount = _mapCount = 0;

    /// <summary>Notes a view for the next <see cref="Unmap"/>, unless it stays; it must not be looked at any more.</summary>
    public void Drop(in GrantView view)
    {
        if (view.IsKept)
            return;
        if (_unmapCount == _unmaps.Length)
            Array.Resize(ref _unmaps, _unmaps.Length * 2);
        _unmaps[_unmapCount++] = new GrantTableUnmapGrantRef { HostAddress = view.Slot.Address, Handle = view.Handle };
    }

    /// <summary>Unmaps all that was dropped. The granter may do with the frames what it likes afterwards.</summary>
    /// <exception cref="HypercallException">The hypervisor refused, which it has no reason for.</exception>
    public void Unmap()
    {
        if (_unmapCount == 0)
            return;
        var rows = _unmaps.AsSpan(0, _unmapCount);
        _unmapCount = 0;
        _grants.Unmap(rows);
        Mapped -= rows.Length;
        foreach (ref readonly var row in rows)
            _slots.Push(Pfn.OfAddress(row.HostAddress));
    }

    /// <summary>Unmaps what stayed mapped. Nothing is under way.</summary>
    /// <exception cref="HypercallException">As for <see cref="Unmap"/>.</exception>
    public void Forget()
    {
        foreach (var view in _kept.Values)
        {
            Mapped++;
            Drop(view with { IsKept = false });
        }
        _kept.Clear();
        Unmap();
    }

    public void Dispose()
    {
        while (_slots.TryPop(out var slot))
            _memory.ReturnSlot(slot);
    }

    /// <summary>What was wanted: a row to be mapped, or a view that is there already.</summary>
    private struct Place
    {
        public int Row;
        public GrantView Kept;
    }
}

/// <summary>A foreign frame that is mapped in a <see cref="GrantWindow"/>. Its content is the granter's to change at any time.</summary>
public readonly struct GrantView
{
    internal GrantView(Pfn slot, uint handle, SharedPage page, bool isKept)
    {
        (Slot, Handle, Page, IsKept) = (slot, handle, page, isKept);
    }

    public SharedPage Page { get; }

    internal Pfn Slot { get; }

    internal uint Handle { get; }

    /// <summary>It stays mapped until the window forgets it.</summary>
    internal bool IsKept { get; init; }
}
