using Pv.Abi;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// Hypercalls that exist on Xen and are nothing for a guest here. They are refused as Xen refuses them to a domU, since kernels
/// tell by the error whether to try another way.
/// </summary>
internal static class RefusedOperations
{
    /// <summary>The call is Dom0's, and its argument is looked at first. The argument is the first register.</summary>
    public static HypercallResult FirstArgument(ref HypercallContext call)
        => call.TryRead(call.Arguments.First, out uint _) ? NotPermitted(ref call) : Errno.EFAULT;

    /// <summary>The same for calls whose command stands in front of the argument.</summary>
    public static HypercallResult SecondArgument(ref HypercallContext call)
        => call.TryRead(call.Arguments.Second, out uint _) ? NotPermitted(ref call) : Errno.EFAULT;

    public static HypercallResult NotPermitted(ref HypercallContext call) => call.Caller.IsPrivileged ? Errno.ENOSYS : Errno.EPERM;

    public static HypercallResult NotSupported(ref HypercallContext call) => Errno.EOPNOTSUPP;

    /// <summary>What is left of <c>memory_op</c> for a domain without privilege.</summary>
    public static HypercallResult OfMemory(MemoryOperation operation) => operation switch
    {
        MemoryOperation.MachineMemoryMap => Errno.EPERM,
        // Populate on demand and claims are a toolstack's.
        MemoryOperation.SetPodTarget or MemoryOperation.GetPodTarget or MemoryOperation.ClaimPages => Errno.EINVAL,
        // Nothing is shared.
        MemoryOperation.GetSharingFreedPages or MemoryOperation.GetSharingSharedPages => HypercallResult.Success,
        // No domain has a topology of its own.
        MemoryOperation.GetVnumaInfo => Errno.EOPNOTSUPP,
        _ => Errno.ENOSYS,
    };
}
