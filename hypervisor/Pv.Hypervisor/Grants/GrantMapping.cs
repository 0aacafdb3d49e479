using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Grants;

/// <summary>Maps foreign grants into the caller and takes such maps away.</summary>
internal static class GrantMapping
{
    public static void Map(ref HypercallContext call, ref GrantTableMapGrantRef map)
        => map.Status = TryMap(ref call, ref map);

    public static void Unmap(ref HypercallContext call, ref GrantTableUnmapGrantRef unmap)
    {
        var caller = call.Caller;
        if (caller.Grants.FindMap(unmap.Handle) is not { } map)
        {
            unmap.Status = GrantStatus.BadHandle;
            return;
        }
        if (unmap.HostAddress != map.HostAddress)
        {
            unmap.Status = GrantStatus.BadVirtualAddress;
            return;
        }
        if (Remove(caller, call.Vcpu, map) is not GrantStatus.Okay and var refused)
        {
            unmap.Status = refused;
            return;
        }
        if (!caller.Grants.TryRemoveMap(unmap.Handle, map))
        {
            unmap.Status = GrantStatus.BadHandle;
            return;
        }
        GiveBack(caller.Core, map);
        unmap.Status = GrantStatus.Okay;
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
        if (!caller.Grants.TryTakeHandle(out var handle))
        {
            granter.Grants.Unpin(map.Ref, readOnly);
            return GrantStatus.NoDeviceSpace;
        }
        var made = new GrantMap(granter.Id, map.Ref, readOnly, map.HostAddress, map.Flags, mfn);
        var status = Insert(caller, call.Vcpu, made);
        if (status == GrantStatus.Okay && !caller.Grants.TrySetMap(handle, made))
        {
            // Only the end of the domain refuses, and then none of its vCPUs touches what was inserted.
            Remove(caller, call.Vcpu, made);
            status = GrantStatus.NoDeviceSpace;
        }
        if (status != GrantStatus.Okay)
        {
            caller.Grants.ReturnHandle(handle);
            granter.Grants.Unpin(map.Ref, readOnly);
            return status;
        }
        map.Handle = handle;
        map.DevBusAddress = mfn.Address;
        return GrantStatus.Okay;
    }

    private static GrantStatus Insert(Domain domain, Vcpu vcpu, GrantMap map)
    {
        if (domain.PhysicalMap is not { } physical)
            return GrantPaging.Insert(vcpu, map);
        var at = Pfn.OfAddress(map.HostAddress);
        if (at.Value >= PhysicalMap.Limit)
            return GrantStatus.GeneralError;
        using (domain.PageLock.Hold())
        {
            if (physical.Get(at, out _) != PhysicalMapKind.Empty)
                return GrantStatus.GeneralError;
            physical.Set(at, PhysicalMapKind.Grant, map.Mfn);
            return GrantStatus.Okay;
        }
    }

    private static GrantStatus Remove(Domain domain, Vcpu vcpu, GrantMap map)
    {
        if (domain.PhysicalMap is not { } physical)
            return GrantPaging.Remove(vcpu, map);
        using (domain.PageLock.Hold())
        {
            var at = Pfn.OfAddress(map.HostAddress);
            if (physical.Get(at, out var mfn) != PhysicalMapKind.Grant || mfn != map.Mfn)
                return GrantStatus.GeneralError;
            physical.Clear(at);
            return GrantStatus.Okay;
        }
    }

    private static void GiveBack(HypervisorCore core, GrantMap map)
    {
        // The granter stays in the table as long as its frames are held, so it is always found.
        var granter = core.Domains.Find(map.Granter) ?? throw new InvalidOperationException($"{map.Granter} went before its grants were given back.");
        granter.Grants.Unpin(map.Ref, map.ReadOnly);
    }
}
