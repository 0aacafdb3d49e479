using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// A place where a back end maps one domain's grants, many in one hypercall, again and again: the numbers to map at are kept, and once
/// warm nothing is allocated.
/// </summary>
/// <remarks>One thread at a time. What is mapped must be unmapped before the disposal.</remarks>
public sealed class GrantWindow : IDisposable
{
    private readonly GrantTable _grants;
    private readonly GuestMemory _memory;
    private readonly DomId _domain;
    private readonly Stack<Pfn> _slots = new();
    private GrantTableMapGrantRef[] _maps = new GrantTableMapGrantRef[16];
    private GrantTableUnmapGrantRef[] _unmaps = new GrantTableUnmapGrantRef[16];
    private int _mapCount, _unmapCount;

    /// <param name="kernel">Dom0's kernel, which maps.</param>
    /// <param name="domain">Whose grants are mapped.</param>
    public GrantWindow(Dom0Kernel kernel, DomId domain)
    {
        (_grants, _memory) = (kernel.Grants, kernel.Memory);
        _domain = domain;
    }

    /// <summary>How many grants are mapped now.</summary>
    public int Mapped { get; private set; }

    /// <summary>Notes a grant for the next <see cref="Map"/>, and returns its place in that.</summary>
    public int Want(GrantRef grant, bool readOnly)
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
        ref var row = ref _maps[place];
        var slot = Pfn.OfAddress(row.HostAddress);
        if (row.Status != GrantStatus.Okay)
        {
            _slots.Push(slot);
            view = default;
            return false;
        }
        Mapped++;
        view = new GrantView(slot, row.Handle, _memory.Page(slot));
        return true;
    }

    /// <summary>Every place was asked for: the next <see cref="Want"/> begins anew.</summary>
    public void Clear() => _mapCount = 0;

    /// <summary>Notes a view for the next <see cref="Unmap"/>; it must not be looked at any more.</summary>
    public void Drop(in GrantView view)
    {
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

    public void Dispose()
    {
        while (_slots.TryPop(out var slot))
            _memory.ReturnSlot(slot);
    }
}

/// <summary>A foreign frame that is mapped in a <see cref="GrantWindow"/>. Its content is the granter's to change at any time.</summary>
public readonly struct GrantView
{
    internal GrantView(Pfn slot, uint handle, SharedPage page)
    {
        (Slot, Handle, Page) = (slot, handle, page);
    }

    public SharedPage Page { get; }

    internal Pfn Slot { get; }

    internal uint Handle { get; }
}
