using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Grants;

/// <summary>Maps foreign grants into the caller and takes such maps away.</summary>
internal static class GrantMapping
{
    public static void Map(ref HypercallContext call, ref GrantTableMapGrantRef map)
        => map.Status = TryMap(ref call, ref map);

    public static void Unmap(ref HypercallContext call, ref GrantTableUnmapGrantRef unmap)
    {
        var grants = call.Caller.Grants;
        GrantMap map;
        unmap.Status = call.Caller.PhysicalMap is { } physical
            ? grants.TryUnmapPhysical(physical, unmap.Handle, unmap.HostAddress, out map)
            : TryUnmapLinear(call.Vcpu, unmap.Handle, unmap.HostAddress, out map);
        if (unmap.Status == GrantStatus.Okay)
            GiveBack(call.Core, map);
    }

    /// <summary>Unmaps, and moves what another linear address maps to the map's place. Only where page tables are the guest's own.</summary>
    public static void UnmapAndReplace(ref HypercallContext call, ref GrantTableUnmapAndReplace replace)
    {
        var caller = call.Caller;
        replace.Status = GrantStatus.BadHandle;
        if (caller.Grants.FindMap(replace.Handle) is not { } map)
            return;
        replace.Status = GrantStatus.GeneralError;
        if (replace.HostAddress != map.HostAddress)
            return;
        replace.Status = caller.PhysicalMap is not null ? GrantStatus.GeneralError
            : replace.NewAddress == 0 ? GrantPaging.Remove(call.Vcpu, map) : GrantPaging.Replace(call.Vcpu, map, replace.NewAddress);
        if (replace.Status != GrantStatus.Okay)
            return;
        if (caller.Grants.TryRemoveMap(replace.Handle, map))
            GiveBack(caller.Core, map);
        else
            replace.Status = GrantStatus.BadHandle;
    }

    /// <summary>Drops a map of a domain that is at its end; its page tables are gone already.</summary>
    public static void Release(Domain domain, GrantMap map)
    {
        if (domain.PhysicalMap is { } physical)
        {
            using (domain.PageLock.Hold())
                physical.Clear(Pfn.OfAddress(map.HostAddress));
        }
        GiveBack(domain.Core, map);
    }

    private static GrantStatus TryMap(ref HypercallContext call, ref GrantTableMapGrantRef map)
    {
        var caller = call.Caller;
        if ((map.Flags & GrantMapFlags.DeviceMap) != 0 || (map.Flags & GrantMapFlags.HostMap) == 0)
            return GrantStatus.BadGrantRef;
        if (call.Core.Domains.Find(map.Domain) is not { IsDying: false } granter)
            return GrantStatus.BadDomain;
        var readOnly = (map.Flags & GrantMapFlags.ReadOnly) != 0;
        if (granter.Grants.TryPin(map.Ref, caller.Id, readOnly, out var mfn) is not GrantStatus.Okay and var refused)
            return refused;
        var made = new GrantMap(granter.Id, map.Ref, readOnly, map.HostAddress, map.Flags, mfn);
        var status = caller.PhysicalMap is { } physical
            ? caller.Grants.TryMapPhysical(physical, made, out map.Handle)
            : TryMapLinear(call.Vcpu, made, out map.Handle);
        if (status != GrantStatus.Okay)
        {
            granter.Grants.Unpin(map.Ref, readOnly);
            return status;
        }
        map.DevBusAddress = mfn.Address;
        return GrantStatus.Okay;
    }

    /// <summary>Maps in the guest's own tables, whose lock comes before that of its grants.</summary>
    private static GrantStatus TryMapLinear(Vcpu vcpu, in GrantMap map, out uint handle)
    {
        var grants = vcpu.Domain.Grants;
        handle = uint.MaxValue;
        if (!grants.TryTakeHandle(out var taken))
            return GrantStatus.NoDeviceSpace;
        var status = GrantPaging.Insert(vcpu, map);
        if (status == GrantStatus.Okay && !grants.TrySetMap(taken, map))
        {
            // Only the end of the domain refuses, and then none of its vCPUs touches what was inserted.
            GrantPaging.Remove(vcpu, map);
            status = GrantStatus.NoDeviceSpace;
        }
        if (status == GrantStatus.Okay)
            handle = taken;
        else
            grants.ReturnHandle(taken);
        return status;
    }

    private static GrantStatus TryUnmapLinear(Vcpu vcpu, uint handle, ulong hostAddress, out GrantMap map)
    {
        var grants = vcpu.Domain.Grants;
        map = default;
        if (grants.FindMap(handle) is not { } found)
            return GrantStatus.BadHandle;
        map = found;
        if (hostAddress != map.HostAddress)
            return GrantStatus.BadVirtualAddress;
        if (GrantPaging.Remove(vcpu, map) is not GrantStatus.Okay and var refused)
            return refused;
        return grants.TryRemoveMap(handle, map) ? GrantStatus.Okay : GrantStatus.BadHandle;
    }

    private static void GiveBack(HypervisorCore core, GrantMap map)
    {
        // The granter stays in the table as long as its frames are held, so it is always found.
        var granter = core.Domains.Find(map.Granter) ?? throw new InvalidOperationException($"{map.Granter} went before its grants were given back.");
        granter.Grants.Unpin(map.Ref, map.ReadOnly);
    }
}
