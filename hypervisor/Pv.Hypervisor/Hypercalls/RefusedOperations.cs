using Pv.Abi;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// Hypercalls that exist on Xen and are nothing for a guest here. They are refused as Xen refuses them to a domU, since kernels
/// tell by the error whether to try another way.
/// </summary>
internal static class RefusedOperations
{
    // struct xen_platform_op: the command, then the version of the interface.
    private const uint PlatformInterfaceVersion = 0x0300_0001;

    /// <summary><c>platform_op</c>: nothing of the platform is anybody's here.</summary>
    public static HypercallResult Platform(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.First, out ulong head))
            return Errno.EFAULT;
        return head >> 32 == PlatformInterfaceVersion ? NotPermitted(ref call) : Errno.EACCES;
    }

    /// <summary><c>dm_op</c> is about domains that have emulated devices. Arguments: the domain, the number of buffers, the buffers.</summary>
    public static HypercallResult DeviceModel(ref HypercallContext call)
    {
        const uint mostBuffers = 2;
        var (id, buffers) = (new DomId((ushort)call.Arguments.First), (uint)call.Arguments.Second);
        if (buffers > mostBuffers)
            return Errno.E2BIG;
        Span<byte> descriptions = stackalloc byte[(int)buffers * 2 * sizeof(ulong)];
        if (!call.TryRead(call.Arguments.Third, descriptions))
            return Errno.EFAULT;
        if (buffers == 0)
            return Errno.ENODATA;
        return call.Core.Domains.Find(id) is not { } domain ? Errno.ESRCH : domain == call.Caller ? Errno.EPERM : Errno.EINVAL;
    }

    /// <summary>
    /// <c>arch_1</c>: how Xen's own <c>domctl</c> of page tables goes on when it was stopped. Nobody else calls it, and <c>shadow_op</c> is not
    /// stopped here.
    /// </summary>
    public static HypercallResult PagingControl(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.First, out Domctl control))
            return Errno.EFAULT;
        if (control.InterfaceVersion != Domctl.CurrentInterfaceVersion || control.Operation != DomctlOperation.ShadowOp)
            return Errno.EOPNOTSUPP;
        return call.Core.Domains.Find(control.Domain) is null ? Errno.ESRCH : NotPermitted(ref call);
    }

    public static HypercallResult NotPermitted(ref HypercallContext call) => call.Caller.IsPrivileged ? Errno.ENOSYS : Errno.EPERM;

    public static HypercallResult NotSupported(ref HypercallContext call) => Errno.EOPNOTSUPP;
}
