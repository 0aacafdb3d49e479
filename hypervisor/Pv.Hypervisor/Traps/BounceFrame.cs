using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary>
/// Enters a guest's kernel: puts a frame on its stack and continues at a handler. From low to high addresses the frame is
/// rcx, r11, [error code], rip, cs with the old upcall mask in its upper half, rflags, rsp, ss.
/// </summary>
internal static class BounceFrame
{
    private const int MostWords = 8;
    private const ulong StackAlignment = ~15ul;
    private const int UpcallMaskShift = 32;
    private const ulong ClearedFlags =
        GuestFlags.Trap | GuestFlags.Resume | GuestFlags.NestedTask | GuestFlags.AlignmentCheck | GuestFlags.VirtualMode | GuestFlags.IoplMask;

    /// <summary>Enters the kernel at a handler. On the vCPU's own thread; crashes the domain when its stack cannot be written.</summary>
    public static void Enter(Vcpu vcpu, GuestCallback handler, uint? errorCode = null)
    {
        if (!handler.IsSet)
            throw new GuestCrashException("the guest has no handler for what happened");
        ref var registers = ref vcpu.Registers;
        ref var info = ref vcpu.Info;
        var fromKernel = vcpu.Traps.InKernel;
        var (oldStack, oldSs) = (registers.Rsp, registers.Ss);
        var mask = info.UpcallMask;
        if (!fromKernel)
            GuestMode.Toggle(vcpu);
        Span<ulong> frame = stackalloc ulong[MostWords];
        var words = 0;
        frame[words++] = registers.Rcx;
        frame[words++] = registers.R11;
        if (errorCode is { } code)
            frame[words++] = code;
        frame[words++] = registers.Rip;
        frame[words++] = (fromKernel ? registers.Cs & ~3u : registers.Cs) | (ulong)mask << UpcallMaskShift;
        frame[words++] = GuestVisibleFlags(vcpu, registers.Rflags, mask);
        frame[words++] = oldStack;
        frame[words++] = oldSs;
        var stack = ((fromKernel ? oldStack : vcpu.Traps.KernelSp) & StackAlignment) - (ulong)words * sizeof(ulong);
        if (PageWalker.IsReserved(stack) || !GuestAccess.OfKernel(vcpu).TryWrite(stack, MemoryMarshal.AsBytes(frame[..words])))
            throw new GuestCrashException($"the guest's kernel stack at 0x{stack:x} cannot be written");
        if (handler.MasksEvents)
            info.UpcallMask = 1;
        registers.Rsp = stack;
        registers.Cs = XenSegments.FlatCode64;
        registers.Ss = XenSegments.FlatStack;
        registers.Rflags = registers.Rflags & ~ClearedFlags | GuestFlags.Interrupt | GuestFlags.AlwaysOne;
        registers.Rip = handler.Address;
        // The hypervisor leaves by SYSRET, which takes these two.
        registers.Rcx = registers.Rip;
        registers.R11 = registers.Rflags;
    }

    /// <summary>The flags as the guest shall see them: interrupts by its upcall mask, the privilege level only if it asked to see it.</summary>
    private static ulong GuestVisibleFlags(Vcpu vcpu, ulong flags, byte mask)
    {
        flags &= ~(GuestFlags.Interrupt | GuestFlags.IoplMask);
        if (mask == 0)
            flags |= GuestFlags.Interrupt;
        if (vcpu.Domain.HasAssist(VmAssistType.ArchitecturalIopl))
            flags |= (ulong)vcpu.Traps.Iopl << 12;
        return flags;
    }
}
