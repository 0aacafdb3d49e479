using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Traps;

/// <summary><c>physdev_op</c>: a domU has no physical devices, but may ask for an I/O privilege level.</summary>
internal static class PhysdevOperations
{
    private const uint MostPorts = 65536;

    public static HypercallResult Handle(ref HypercallContext call) => (PhysdevOperation)call.Arguments.First switch
    {
        PhysdevOperation.SetIopl => SetIopl(ref call),
        PhysdevOperation.SetIoBitmap => SetIoBitmap(ref call),
        PhysdevOperation.PirqEoiGmfnV1 or PhysdevOperation.PirqEoiGmfnV2 => PirqEoiPage(ref call),
        PhysdevOperation.Eoi or PhysdevOperation.IrqStatusQuery => Errno.EINVAL,
        PhysdevOperation.GetFreePirq or PhysdevOperation.MapPirq or PhysdevOperation.UnmapPirq => Errno.EPERM,
        _ => call.Caller.IsPrivileged ? Errno.ENOSYS : Errno.EPERM,
    };

    private static HypercallResult SetIopl(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out PhysdevSetIopl set))
            return Errno.EFAULT;
        if (set.Iopl > 3)
            return Errno.EINVAL;
        call.Vcpu.Traps.Iopl = (int)set.Iopl;
        return HypercallResult.Success;
    }

    // No port is owned by any guest, so a bitmap changes nothing but the guest's own idea of it.
    private static HypercallResult SetIoBitmap(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out PhysdevSetIoBitmap set))
            return Errno.EFAULT;
        return set.PortCount > MostPorts ? Errno.EINVAL : HypercallResult.Success;
    }

    /// <summary>A page in which Xen would mark physical interrupts that need an end. There are none, so the page stays as it is.</summary>
    private static HypercallResult PirqEoiPage(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out PhysdevPirqEoiGmfn page))
            return Errno.EFAULT;
        var mfn = new Mfn(page.Gmfn);
        if (call.Core.PageTypes.TryGetFrame(mfn, Memory.FrameType.Writable, call.Caller.Id, null) != Errno.None)
            return Errno.EINVAL;
        call.Core.PageTypes.PutFrame(mfn, null);
        return HypercallResult.Success;
    }
}
