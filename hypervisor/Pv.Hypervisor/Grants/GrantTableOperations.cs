using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Grants;

/// <summary><c>grant_table_op</c>: each operation is done on an array, with a status in each element; the call itself rarely fails.</summary>
internal static class GrantTableOperations
{
    private delegate void Each<T>(ref HypercallContext call, ref T element) where T : unmanaged;

    // The bits above the operation's are for Xen's own way of going on, which only cache_flush has: what part of the caller's maps comes next.
    private const uint OperationMask = 0xfff;
    private const int PartShift = 12;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var operation = (uint)call.Arguments.First;
        if ((int)call.Arguments.Third < 0
            || ((operation & ~OperationMask) != 0 && (GrantTableOperation)(operation & OperationMask) != GrantTableOperation.CacheFlush))
            return Errno.EINVAL;
        return (GrantTableOperation)(operation & OperationMask) switch
        {
            GrantTableOperation.MapGrantRef => ForEach<GrantTableMapGrantRef>(ref call, GrantTableMapGrantRef.WireSize, GrantMapping.Map),
            GrantTableOperation.UnmapGrantRef => ForEach<GrantTableUnmapGrantRef>(ref call, GrantTableUnmapGrantRef.WireSize, GrantMapping.Unmap),
            GrantTableOperation.Copy => ForEach<GrantTableCopy>(ref call, GrantTableCopy.WireSize, Copy),
            GrantTableOperation.SetupTable => One<GrantTableSetupTable>(ref call, SetupTable, static setup => setup.FrameList),
            GrantTableOperation.QuerySize => One<GrantTableQuerySize>(ref call, QuerySize),
            GrantTableOperation.SetVersion => SetVersion(ref call),
            GrantTableOperation.GetVersion => GetVersion(ref call),
            GrantTableOperation.GetStatusFrames => One<GrantTableGetStatusFrames>(ref call, GetStatusFrames, static get => get.FrameList),
            GrantTableOperation.SwapGrantRef => ForEach<GrantTableSwapGrantRef>(ref call, GrantTableSwapGrantRef.WireSize, Swap),
            GrantTableOperation.UnmapAndReplace
                => ForEach<GrantTableUnmapAndReplace>(ref call, GrantTableUnmapAndReplace.WireSize, GrantMapping.UnmapAndReplace),
            GrantTableOperation.Transfer => ForEach<GrantTableTransfer>(ref call, GrantTableTransfer.WireSize, GrantTransfer.Transfer),
            GrantTableOperation.CacheFlush => CacheFlush(ref call),
            GrantTableOperation.DumpTable when call.Caller.IsPrivileged => One<GrantTableDumpTable>(ref call, DumpTable),
            _ => Errno.ENOSYS,
        };
    }

    private static HypercallResult ForEach<T>(ref HypercallContext call, ulong size, Each<T> each) where T : unmanaged
    {
        var (address, count) = (call.Arguments.Second, (ulong)(uint)call.Arguments.Third);
        if (!call.MayBeMemory(address))
            return Errno.EFAULT;
        for (ulong i = 0; i < count; i++)
        {
            if (i > 0 && call.PreemptionWanted)
            {
                call.Arguments = call.Arguments with { Second = address, Third = count - i };
                return HypercallResult.Again;
            }
            call.Core.Meter?.Count(1);
            if (!call.TryRead(address, out T element))
                return Errno.EFAULT;
            each(ref call, ref element);
            if (!call.TryWrite(address, element))
                return Errno.EFAULT;
            address += size;
        }
        return HypercallResult.Success;
    }

    /// <summary>An operation that takes an array of exactly one, and may name a list of frames, whose address is looked at first.</summary>
    private static HypercallResult One<T>(ref HypercallContext call, Each<T> each, Func<T, ulong>? list = null) where T : unmanaged
    {
        if ((uint)call.Arguments.Third != 1)
            return Errno.EINVAL;
        if (!call.TryRead(call.Arguments.Second, out T element) || (list is not null && !call.MayBeMemory(list(element))))
            return Errno.EFAULT;
        each(ref call, ref element);
        return call.TryWrite(call.Arguments.Second, element) ? HypercallResult.Success : Errno.EFAULT;
    }

    private static void Copy(ref HypercallContext call, ref GrantTableCopy copy) => copy.Status = GrantCopying.Copy(ref call, copy);

    private static void SetupTable(ref HypercallContext call, ref GrantTableSetupTable setup)
    {
        setup.Status = TryFind(ref call, setup.Domain, out var domain);
        if (setup.Status != GrantStatus.Okay)
            return;
        if (setup.FrameCount > domain!.Grants.MaxFrames || !domain.Grants.TryGrow(setup.FrameCount))
        {
            setup.Status = GrantStatus.GeneralError;
            return;
        }
        for (uint i = 0; i < setup.FrameCount; i++)
        {
            // An auto-translated domain has no use for machine frames: it maps the table into its physical map.
            var frame = domain.PhysicalMap is null && domain.Grants.GetSharedFrame(i, out var mfn) == Errno.None ? mfn.Value : ulong.MaxValue;
            if (!call.TryWrite(setup.FrameList + i * sizeof(ulong), frame))
                setup.Status = GrantStatus.BadVirtualAddress;
        }
    }

    private static void GetStatusFrames(ref HypercallContext call, ref GrantTableGetStatusFrames get)
    {
        get.Status = TryFind(ref call, get.Domain, out var domain);
        if (get.Status != GrantStatus.Okay)
            return;
        if (get.FrameCount > domain!.Grants.StatusFrameCount)
        {
            get.Status = GrantStatus.GeneralError;
            return;
        }
        for (uint i = 0; i < get.FrameCount; i++)
        {
            var frame = domain.PhysicalMap is null && domain.Grants.TryGetStatusFrame(i, out var mfn) ? mfn.Value : ulong.MaxValue;
            if (!call.TryWrite(get.FrameList + i * sizeof(ulong), frame))
                get.Status = GrantStatus.BadVirtualAddress;
        }
    }

    /// <summary>Caches are coherent here, so that nothing is left to do once the arguments are right.</summary>
    private static HypercallResult CacheFlush(ref HypercallContext call)
    {
        const uint knownOperations = 3;
        var (address, count) = (call.Arguments.Second, (ulong)(uint)call.Arguments.Third);
        var part = (uint)call.Arguments.First >> PartShift;
        if (!call.MayBeMemory(address))
            return Errno.EFAULT;
        for (ulong i = 0; i < count; i++)
        {
            if (i > 0 && call.PreemptionWanted)
                return ContinueFlush(ref call, address, count - i, 0);
            call.Core.Meter?.Count(1);
            if (!call.TryRead(address, out GrantTableCacheFlush flush))
                return Errno.EFAULT;
            if (flush.Offset >= PageSize.Bytes || flush.Offset + flush.Length > PageSize.Bytes || (flush.Operation & ~knownOperations) != 0)
                return Errno.EINVAL;
            var frame = Mfn.OfAddress(flush.Address);
            var isFound = flush.Length == 0 || flush.Operation == 0 || (call.Core.Frames.TryGetOwner(frame, out var owner) && owner == call.Caller.Id);
            for (; !isFound; part++)
            {
                if (!call.Caller.Grants.TryLookForMap(frame, part, out isFound))
                    return Errno.EINVAL;
                if (!isFound && call.Preemptible?.IsWantedAfter(GrantTable.MapsPerFrame) == true)
                    return ContinueFlush(ref call, address, count - i, part + 1);
            }
            part = 0;
            address += GrantTableCacheFlush.WireSize;
        }
        return HypercallResult.Success;
    }

    private static HypercallResult ContinueFlush(ref HypercallContext call, ulong address, ulong count, uint part)
    {
        call.Arguments = call.Arguments with { First = (uint)GrantTableOperation.CacheFlush | (ulong)part << PartShift, Second = address, Third = count };
        return HypercallResult.Again;
    }

    private static void Swap(ref HypercallContext call, ref GrantTableSwapGrantRef swap) => swap.Status = call.Caller.Grants.Swap(swap.RefA, swap.RefB);

    private static void QuerySize(ref HypercallContext call, ref GrantTableQuerySize query)
    {
        query.Status = TryFind(ref call, query.Domain, out var domain);
        if (query.Status != GrantStatus.Okay)
            return;
        query.FrameCount = domain!.Grants.FrameCount;
        query.MaxFrameCount = domain.Grants.MaxFrames;
    }

    private static void DumpTable(ref HypercallContext call, ref GrantTableDumpTable dump)
    {
        dump.Status = TryFind(ref call, dump.Domain, out var domain);
        if (dump.Status == GrantStatus.Okay)
            call.Core.Log.Write($"grant table of {domain!.Id}: {domain.Grants.FrameCount} frames, {(domain.Grants.IsInUse ? "in use" : "not in use")}");
    }

    private static HypercallResult SetVersion(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out GrantTableSetVersion set))
            return Errno.EFAULT;
        var error = set.Version is not (1 or 2) ? Errno.EINVAL
            : set.Version > call.Caller.Limits.MaxGrantVersion ? Errno.ENOSYS
            : call.Caller.Grants.TrySetVersion((int)set.Version);
        // The guest hears which form the table has, whatever it asked for.
        set.Version = (uint)call.Caller.Grants.Version;
        return call.TryWrite(call.Arguments.Second, set) ? error : Errno.EFAULT;
    }

    private static HypercallResult GetVersion(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out GrantTableGetVersion get))
            return Errno.EFAULT;
        var domain = get.Domain == DomId.Self ? call.Caller : call.Core.Domains.Find(get.Domain);
        if (domain is null)
            return Errno.ESRCH;
        if (domain != call.Caller && !call.Caller.IsPrivileged)
            return Errno.EPERM;
        get.Version = (uint)domain.Grants.Version;
        return call.TryWrite(call.Arguments.Second, get) ? HypercallResult.Success : Errno.EFAULT;
    }

    private static GrantStatus TryFind(ref HypercallContext call, DomId id, out Domain? domain)
    {
        domain = id == DomId.Self ? call.Caller : call.Core.Domains.Find(id);
        if (domain is null)
            return GrantStatus.BadDomain;
        return domain == call.Caller || call.Caller.IsPrivileged ? GrantStatus.Okay : GrantStatus.PermissionDenied;
    }
}
