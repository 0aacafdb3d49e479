using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

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
        PhysdevOperation.Eoi => Errno.EINVAL,
        PhysdevOperation.IrqStatusQuery => call.TryRead(call.Arguments.Second, out PhysdevIrqStatusQuery _) ? HypercallResult.Success : Errno.EFAULT,
        PhysdevOperation.GetFreePirq => call.TryRead(call.Arguments.Second, out ulong _) ? HypercallResult.Success : Errno.EFAULT,
        PhysdevOperation.ApicRead or PhysdevOperation.ApicWrite or PhysdevOperation.AllocIrqVector or PhysdevOperation.MapPirq
            or PhysdevOperation.UnmapPirq or PhysdevOperation.ManagePciAdd or PhysdevOperation.ManagePciRemove or PhysdevOperation.RestoreMsi
            or PhysdevOperation.ManagePciAddExt or PhysdevOperation.SetupGsi or PhysdevOperation.PciMmcfgReserved or PhysdevOperation.PciDeviceAdd
            or PhysdevOperation.PciDeviceRemove or PhysdevOperation.RestoreMsiExt or PhysdevOperation.DbgpOp or PhysdevOperation.PrepareMsix
            or PhysdevOperation.ReleaseMsix => call.Caller.IsPrivileged ? Errno.ENOSYS : Errno.EPERM,
        _ => Errno.ENOSYS,
    };

    /// <summary><c>physdev_op_compat</c>: the operation and its argument in one structure.</summary>
    public static HypercallResult HandleCompat(ref HypercallContext call)
    {
        const ulong argumentOffset = 8;
        var address = call.Arguments.First;
        if (!call.TryRead(address, out uint command))
            return Errno.EFAULT;
        call.Arguments = call.Arguments with { First = command, Second = address + argumentOffset };
        return (PhysdevOperation)command is PhysdevOperation.SetIopl or PhysdevOperation.SetIoBitmap or PhysdevOperation.IrqStatusQuery
            ? Handle(ref call) : Errno.EINVAL;
    }

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
        if (!HeldFrames.TryHold(call.Caller, page.Gmfn, out var mfn))
            return Errno.EINVAL;
        HeldFrames.Release(call.Caller, mfn);
        return HypercallResult.Success;
    }
}
