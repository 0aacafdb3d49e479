using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Traps;

/// <summary><c>physdev_op</c>: a domU has no physical devices, but may ask for an I/O privilege level.</summary>
internal static class PhysdevOperations
{
    private const uint MostPorts = 65536;

    // PHYSDEVOP_IRQ_UNMASK_NOTIFY, of before Xen 3.1: does nothing.
    private const uint UnmaskNotify = 4;

    // XENIRQSTAT_needs_eoi.
    private const uint NeedsEoi = 1;

    // As on a machine with one I/O APIC. None of its interrupts goes to a domU.
    private const uint FirstFreePirq = 16, Interrupts = 24;
    private const int MapTypeGsi = 1;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var operation = (uint)call.Arguments.First;
        return (PhysdevOperation)operation switch
        {
            (PhysdevOperation)UnmaskNotify => HypercallResult.Success,
            PhysdevOperation.SetIopl => SetIopl(ref call),
            PhysdevOperation.SetIoBitmap => SetIoBitmap(ref call),
            PhysdevOperation.PirqEoiGmfnV1 or PhysdevOperation.PirqEoiGmfnV2 => PirqEoiPage(ref call),
            PhysdevOperation.Eoi => call.TryRead(call.Arguments.Second, out PhysdevEoi _) ? Errno.EINVAL : Errno.EFAULT,
            PhysdevOperation.IrqStatusQuery => QueryStatus(ref call),
            PhysdevOperation.GetFreePirq => GetFreePirq(ref call),
            PhysdevOperation.MapPirq or PhysdevOperation.UnmapPirq => OfDomain(ref call),
            // Of PCI's devices a guest may take the bridge at 0:0.0 to be there.
            PhysdevOperation.RestoreMsi or PhysdevOperation.RestoreMsiExt => Refuse(ref call, static head => (ushort)head == 0 ? Errno.EPERM : Errno.ENODEV),
            PhysdevOperation.SetupGsi => Refuse(ref call, static head => (uint)head < Interrupts ? Errno.EPERM : Errno.EINVAL),
            // struct physdev_manage_pci_ext: bus and device, then whether it is an extended function.
            PhysdevOperation.ManagePciAddExt => Refuse(ref call, static head => head >> 32 > 1 ? Errno.EINVAL : Errno.EPERM),
            PhysdevOperation.ApicRead or PhysdevOperation.ApicWrite or PhysdevOperation.AllocIrqVector or PhysdevOperation.ManagePciAdd
                or PhysdevOperation.ManagePciRemove or PhysdevOperation.PciDeviceAdd or PhysdevOperation.PciDeviceRemove
                or PhysdevOperation.PrepareMsix or PhysdevOperation.ReleaseMsix => Refuse(ref call, static _ => Errno.EPERM),
            PhysdevOperation.PciMmcfgReserved or PhysdevOperation.DbgpOp => RefusedOperations.NotPermitted(ref call),
            _ => Errno.ENOSYS,
        };
    }

    /// <summary><c>physdev_op_compat</c>: the operation and its argument in one structure.</summary>
    public static HypercallResult HandleCompat(ref HypercallContext call)
    {
        const ulong argumentOffset = 8;
        var address = call.Arguments.First;
        if (!call.TryRead(address, out uint command))
            return Errno.EFAULT;
        call.Arguments = call.Arguments with { First = command, Second = address + argumentOffset };
        return Handle(ref call);
    }

    /// <summary>A call about devices: an error of its own argument, and to Dom0, too, that there are none.</summary>
    private static HypercallResult Refuse(ref HypercallContext call, Func<ulong, Errno> judge)
    {
        if (!call.TryRead(call.Arguments.Second, out ulong head))
            return Errno.EFAULT;
        var error = judge(head);
        return error == Errno.EPERM ? RefusedOperations.NotPermitted(ref call) : error;
    }

    private static HypercallResult OfDomain(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out DomId id))
            return Errno.EFAULT;
        return id != DomId.Self && call.Core.Domains.Find(id) is null ? Errno.ESRCH : RefusedOperations.NotPermitted(ref call);
    }

    private static HypercallResult QueryStatus(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out PhysdevIrqStatusQuery query))
            return Errno.EFAULT;
        if (query.Irq >= Interrupts)
            return Errno.EINVAL;
        query.Flags = NeedsEoi;
        return call.TryWrite(call.Arguments.Second, query) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>Numbers for interrupts that a domain might come to have: those of the I/O APIC from below, others from above.</summary>
    private static HypercallResult GetFreePirq(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out PhysdevGetFreePirq get))
            return Errno.EFAULT;
        const int most = (int)Events.EventChannelOperations.PirqLimit;
        using (call.Caller.PageLock.Hold())
        {
            ref var taken = ref call.Caller.TakenPirqs;
            var isFound = false;
            for (var i = 0; i < most && !isFound; i++)
            {
                get.Pirq = (uint)(get.Type == MapTypeGsi ? i : most - 1 - i);
                isFound = get.Pirq >= FirstFreePirq && (get.Type != MapTypeGsi || get.Pirq < Interrupts) && (taken >> (int)get.Pirq & 1) == 0;
            }
            if (!isFound)
                return Errno.ENOSPC;
            taken |= 1ul << (int)get.Pirq;
        }
        return call.TryWrite(call.Arguments.Second, get) ? HypercallResult.Success : Errno.EFAULT;
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
