using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// The domain's own grant table, version 1 (<c>public/grant_table.h</c>): frames that it lets others map or copy. And the mappings it
/// makes of others' grants.
/// </summary>
/// <remarks>Any thread for Dom0. The table's frames are taken from the hypervisor when the first grant is made, one by one.</remarks>
public sealed class GrantTable
{
    private const int EntriesPerPage = PageSize.Bytes / GrantEntryV1.WireSize;
    private const GrantEntryFlags InUse = GrantEntryFlags.Reading | GrantEntryFlags.Writing;

    private readonly Hypercalls _hypercalls;
    private readonly GuestMemory _memory;
    private readonly Lock _lock = new();
    private readonly Stack<GrantRef> _free = new();
    private SharedPage[] _pages = [];

    internal GrantTable(Hypercalls hypercalls, GuestMemory memory)
    {
        _hypercalls = hypercalls;
        _memory = memory;
    }

    /// <summary>Lets <paramref name="domain"/> map or copy one of this domain's frames.</summary>
    /// <exception cref="HypercallException">The table is full and may not grow.</exception>
    public GrantRef Grant(DomId domain, Pfn pfn, bool readOnly = false)
    {
        GrantRef grant;
        lock (_lock)
        {
            if (!_free.TryPop(out grant))
                grant = Grow();
        }
        var entry = new GrantEntryV1 { Domain = domain, Frame = checked((uint)pfn.Value) };
        var (page, offset) = EntryAt(grant);
        page.CopyFrom(offset, MemoryMarshal.AsBytes(new ReadOnlySpan<GrantEntryV1>(in entry)));
        // The flags last: from here on the entry is the grantee's to use.
        page.WriteUInt16Release(offset, (ushort)(GrantEntryFlags.PermitAccess | (readOnly ? GrantEntryFlags.ReadOnly : 0)));
        return grant;
    }

    /// <summary>Ends a grant. False: the grantee has it mapped still; ask again later.</summary>
    public bool TryEnd(GrantRef grant)
    {
        var (page, offset) = EntryAt(grant);
        while (true)
        {
            var flags = page.ReadUInt16Acquire(offset);
            if (((GrantEntryFlags)flags & InUse) != 0)
                return false;
            if (page.CompareExchangeUInt16(offset, 0, flags) == flags)
                break;
        }
        lock (_lock)
            _free.Push(grant);
        return true;
    }

    /// <summary>Maps a foreign frame that was granted to this domain.</summary>
    /// <exception cref="GrantException">The grant is not good for that.</exception>
    public GrantMapping Map(DomId domain, GrantRef grant, bool readOnly = false)
    {
        var slot = _memory.TakeSlot();
        var row = new GrantTableMapGrantRef
        {
            HostAddress = slot.Address,
            Flags = GrantMapFlags.HostMap | (readOnly ? GrantMapFlags.ReadOnly : GrantMapFlags.None),
            Ref = grant,
            Domain = domain,
        };
        var errno = _hypercalls.MapGrants(new Span<GrantTableMapGrantRef>(ref row));
        if (errno == Errno.None && row.Status == GrantStatus.Okay)
            return new GrantMapping(this, slot, _memory.Page(slot), row.Handle);
        _memory.ReturnSlot(slot);
        errno.OrThrow("GNTTABOP_map_grant_ref");
        throw new GrantException($"{grant} of {domain} cannot be mapped: {row.Status}", row.Status);
    }

    /// <summary>Maps a row of foreign frames, each with a status of its own.</summary>
    internal void Map(Span<GrantTableMapGrantRef> rows) => _hypercalls.MapGrants(rows).OrThrow("GNTTABOP_map_grant_ref");

    /// <summary>Unmaps a row of foreign frames.</summary>
    internal void Unmap(Span<GrantTableUnmapGrantRef> rows)
    {
        _hypercalls.UnmapGrants(rows).OrThrow("GNTTABOP_unmap_grant_ref");
        foreach (ref readonly var row in rows)
        {
            if (row.Status != GrantStatus.Okay)
                throw new GrantException($"{Pfn.OfAddress(row.HostAddress)} cannot be unmapped: {row.Status}", row.Status);
        }
    }

    /// <summary>Copies between own frames and granted ones. Each row has a status of its own.</summary>
    /// <exception cref="HypercallException">The call as a whole was refused.</exception>
    public void Copy(Span<GrantTableCopy> rows) => _hypercalls.CopyGrants(rows).OrThrow("GNTTABOP_copy");

    internal void Unmap(GrantMapping mapping)
    {
        var row = new GrantTableUnmapGrantRef { HostAddress = mapping.Pfn.Address, Handle = mapping.Handle };
        var errno = _hypercalls.UnmapGrants(new Span<GrantTableUnmapGrantRef>(ref row));
        if (errno != Errno.None || row.Status != GrantStatus.Okay)
            throw new GrantException($"{mapping.Pfn} cannot be unmapped: {(errno != Errno.None ? errno : row.Status)}", row.Status);
        _memory.ReturnSlot(mapping.Pfn);
    }

    /// <summary>Takes one more frame of entries and returns the first of them.</summary>
    private GrantRef Grow()
    {
        var index = _pages.Length;
        var slot = _memory.TakeSlot();
        var errno = _hypercalls.AddToPhysmap(PhysmapSpace.GrantTable, (ulong)index, slot);
        if (errno != Errno.None)
        {
            _memory.ReturnSlot(slot);
            errno.OrThrow("XENMEM_add_to_physmap of a grant table frame");
        }
        Volatile.Write(ref _pages, [.. _pages, _memory.Page(slot)]);
        var first = (uint)(index * EntriesPerPage);
        // The toolstack filled the reserved entries: the console's and xenstore's pages for Dom0.
        var begin = index == 0 ? ReservedGrants.Count : first;
        for (var entry = first + EntriesPerPage - 1; entry > begin; entry--)
            _free.Push(new GrantRef(entry));
        return new GrantRef((uint)begin);
    }

    private (SharedPage Page, int Offset) EntryAt(GrantRef grant)
        => (Volatile.Read(ref _pages)[(int)(grant.Value / EntriesPerPage)], (int)(grant.Value % EntriesPerPage) * GrantEntryV1.WireSize);
}
