using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary><c>set_gdt</c>, <c>update_descriptor</c>, <c>set_segment_base</c>.</summary>
internal static class DescriptorOperations
{
    private const int MostGdtFrames = 14;

    public static HypercallResult SetGdt(ref HypercallContext call)
    {
        var (list, entries) = (call.Arguments.First, (uint)call.Arguments.Second);
        if (entries > DescriptorTables.MostGdtEntries)
            return Errno.EINVAL;
        Span<ulong> frames = stackalloc ulong[MostGdtFrames];
        var count = (int)(entries + 511) / 512;
        if (!call.TryRead(list, System.Runtime.InteropServices.MemoryMarshal.AsBytes(frames[..count])))
            return Errno.EFAULT;
        using (call.Caller.PagingLock.Hold())
        {
            var holds = call.Vcpu.Traps.Holds(call.Vcpu);
            holds.Begin();
            var error = DescriptorTables.TrySetGdt(call.Vcpu, holds, frames[..count], entries, call.Preemptible);
            if (error == Errno.ERESTART)
                return HypercallResult.Again;
            if (error == Errno.None)
                holds.Keep(call.Preemptible);
            else
                holds.GiveBackAll(call.Preemptible);
            return error;
        }
    }

    public static HypercallResult UpdateDescriptor(ref HypercallContext call)
    {
        var (address, wanted) = (call.Arguments.First, call.Arguments.Second);
        var core = call.Core;
        var mfn = Mfn.OfAddress(address);
        if (address % sizeof(ulong) != 0 || !Descriptor.TryFix(wanted, out var right) || !core.Frames.TryGet(mfn, call.Caller.Id))
            return Errno.EINVAL;
        var error = Errno.None;
        using (call.Caller.PagingLock.Hold())
        {
            // A frame of descriptors is written in place; any other must be usable as writable.
            if (core.PageTypes.IsValid(mfn, FrameType.SegmentDescriptors))
                Volatile.Write(ref core.Memory.At<ulong>(address), right);
            else
                error = core.PageTypes.WriteWord(mfn, address, right);
        }
        core.Frames.Put(mfn);
        return error;
    }

    public static HypercallResult SetSegmentBase(ref HypercallContext call)
    {
        var (which, value) = ((SegmentBase)call.Arguments.First, call.Arguments.Second);
        ref var registers = ref call.Vcpu.Registers;
        if (which != SegmentBase.GsUserSelector && !PageWalker.IsCanonical(value))
            return Errno.EINVAL;
        switch (which)
        {
            case SegmentBase.Fs:
                registers.FsBase = value;
                return HypercallResult.Success;
            case SegmentBase.GsUser:
                call.Vcpu.Traps.SetUserGsBase(ref registers, value);
                return HypercallResult.Success;
            case SegmentBase.GsKernel:
                call.Vcpu.Traps.SetKernelGsBase(ref registers, value);
                return HypercallResult.Success;
            case SegmentBase.GsUserSelector:
                return SetUserSelector(ref call, (ushort)value);
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>
    /// Loads the selector that user code shall have in GS. A selector of Xen's own or null leaves the base alone; one of the guest's gives its
    /// descriptor's base.
    /// </summary>
    private static HypercallResult SetUserSelector(ref HypercallContext call, ushort selector)
    {
        const ushort privilegeMask = 3;
        ref var registers = ref call.Vcpu.Registers;
        registers.Gs = selector <= privilegeMask ? (ushort)0 : (ushort)(selector | privilegeMask);
        if (registers.Gs == 0)
            return HypercallResult.Success;
        if (!DescriptorTables.TryRead(call.Vcpu, registers.Gs, out var descriptor))
        {
            registers.Gs = 0;
            return HypercallResult.Success;
        }
        var segmentBase = descriptor >> 16 & 0xff_ffff | descriptor >> 32 & 0xff00_0000;
        call.Vcpu.Traps.SetUserGsBase(ref registers, segmentBase);
        return HypercallResult.Success;
    }
}
