using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Memory;

/// <summary>
/// The operations of <c>memory_op</c> about what no domain has here: populating on demand, shared or paged memory, access rights, virtual NUMA,
/// memory of devices. They answer as Xen does of a paravirtualized domain that has none of it.
/// </summary>
internal static class AbsentMemoryOperations
{
    // struct xen_mem_access_op: the domain stands at 2.
    private const int AccessDomainShift = 16;

    // struct xen_reserved_device_memory_map: flags, of which one is known; room for entries; where they go.
    private const uint KnownDeviceFlags = 1;

    public static HypercallResult Handle(ref HypercallContext call, MemoryOperation operation, ulong argument) => operation switch
    {
        MemoryOperation.SetPodTarget or MemoryOperation.GetPodTarget => !call.TryRead(argument, out PodTarget target) ? Errno.EFAULT
            : target.Domain != DomId.Self && call.Core.Domains.Find(target.Domain) is null ? Errno.ESRCH : Errno.EINVAL,
        // Nothing is shared.
        MemoryOperation.GetSharingFreedPages or MemoryOperation.GetSharingSharedPages => HypercallResult.Success,
        MemoryOperation.AccessOp => !call.TryRead(argument, out ulong access) ? Errno.EFAULT
            : call.Core.Domains.Find(new DomId((ushort)(access >> AccessDomainShift))) is not { } accessed ? Errno.ESRCH
            : accessed == call.Caller ? Errno.EPERM : Errno.EINVAL,
        MemoryOperation.MachphysCompatMfnList => Errno.EOPNOTSUPP,
        MemoryOperation.GetVnumaInfo => VnumaInfo(ref call, argument),
        MemoryOperation.ReservedDeviceMemoryMap => ReservedDeviceMemory(ref call, argument),
        _ => Errno.ENOSYS,
    };

    private static HypercallResult VnumaInfo(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out VnumaTopologyInfo info))
            return Errno.EFAULT;
        if (info.Padding != 0)
            return Errno.EINVAL;
        if ((info.Domain == DomId.Self ? call.Caller : call.Core.Domains.Find(info.Domain)) is not { } domain)
            return Errno.ESRCH;
        if (domain != call.Caller && !call.Caller.IsPrivileged)
            return Errno.EPERM;
        return domain.VirtualNodes?.Tell(ref call, argument, info) ?? Errno.EOPNOTSUPP;
    }

    private static HypercallResult ReservedDeviceMemory(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out uint flags) || !call.TryRead(argument + sizeof(ulong), out ulong buffer))
            return Errno.EFAULT;
        if (!call.MayBeMemory(buffer))
            return Errno.EFAULT;
        if ((flags & ~KnownDeviceFlags) != 0)
            return Errno.EINVAL;
        return call.TryWrite(argument + sizeof(uint), 0u) ? HypercallResult.Success : Errno.EFAULT;
    }
}
