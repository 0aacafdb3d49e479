using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.Toolstack.Hypervisor;

namespace Pv.Toolstack.Building;

/// <summary>
/// The memory of a domain under construction, or that is looked into, through Dom0's foreign mappings: a page is mapped when it is first touched, and all are let go at the end.
/// </summary>
/// <remarks>One builder's. The span of a page is a copy that is written back at the next call or <see cref="Flush"/>.</remarks>
/// <param name="control">Dom0's calls.</param>
/// <param name="slots">Where Dom0 has numbers to map at.</param>
/// <param name="domain">The domain.</param>
/// <param name="frames">The machine frame of each page; null for an auto-translated domain, whose pages are named by their own numbers.</param>
internal sealed class ForeignMemory(HypervisorControl control, GuestMemory slots, DomId domain, ulong[]? frames) : IDomainMemory, IDisposable
{
    private readonly Dictionary<Pfn, Pfn> _mapped = [];
    private readonly byte[] _copy = new byte[PageSize.Bytes];
    private Pfn? _current;

    public Span<byte> Page(Pfn pfn)
    {
        if (_current == pfn)
            return _copy;
        Flush();
        Map(pfn).CopyTo(0, _copy);
        _current = pfn;
        return _copy;
    }

    public Mfn MfnOf(Pfn pfn) => frames == null ? new Mfn(pfn.Value) : new Mfn(frames[pfn.Value]);

    /// <summary>A copy of one of the domain's machine frames, which is not mapped any longer than that takes; null when it is not the domain's.</summary>
    public byte[]? TryRead(Mfn mfn)
    {
        var slot = slots.TakeSlot();
        if (control.MapForeign(domain, [mfn.Value], [slot]) != Errno.None)
        {
            slots.ReturnSlot(slot);
            return null;
        }
        var copy = new byte[PageSize.Bytes];
        slots.Page(slot).CopyTo(0, copy);
        control.Unmap(slot).OrThrow("XENMEM_remove_from_physmap");
        slots.ReturnSlot(slot);
        return copy;
    }

    /// <summary>Writes the page that was last handed out.</summary>
    public void Flush()
    {
        if (_current is not { } pfn)
            return;
        _current = null;
        Map(pfn).CopyFrom(0, _copy);
    }

    /// <summary>Writes into a frame of the domain's grant table.</summary>
    public void SeedGrant(uint reference, Pfn pfn)
    {
        var entry = new GrantEntryV1 { Flags = GrantEntryFlags.PermitAccess, Domain = DomId.Dom0, Frame = (uint)MfnOf(pfn).Value };
        var slot = slots.TakeSlot();
        control.MapGrantFrame(domain, 0, slot).OrThrow("XENMEM_acquire_resource");
        slots.Page(slot).CopyFrom((int)reference * GrantEntryV1.WireSize, System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<GrantEntryV1>(in entry)));
        control.Unmap(slot).OrThrow("XENMEM_remove_from_physmap");
        slots.ReturnSlot(slot);
    }

    /// <summary>Writes what is left and lets go of every page.</summary>
    public void Dispose()
    {
        Flush();
        foreach (var slot in _mapped.Values)
        {
            // A number whose mapping would not go cannot be used again.
            if (control.Unmap(slot) == Errno.None)
                slots.ReturnSlot(slot);
        }
        _mapped.Clear();
    }

    private SharedPage Map(Pfn pfn)
    {
        if (!_mapped.TryGetValue(pfn, out var slot))
        {
            slot = slots.TakeSlot();
            if (control.MapForeign(domain, [MfnOf(pfn).Value], [slot]) is not Errno.None and var error)
            {
                slots.ReturnSlot(slot);
                throw new HypercallException($"mapping {pfn} of {domain}", error);
            }
            _mapped[pfn] = slot;
        }
        return slots.Page(slot);
    }
}
