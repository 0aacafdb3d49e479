using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Traps;

/// <summary><c>iret</c>: returns from a handler by the frame on the kernel's stack, to the kernel or to user code.</summary>
internal static class IretOperation
{
    private const ulong PrivilegeMask = 3;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        if (call.Caller.Kind != Domains.DomainKind.Paravirtualized)
            return Errno.ENOSYS;
        var vcpu = call.Vcpu;
        ref var registers = ref vcpu.Registers;
        if (!call.TryRead(registers.Rsp, out IretContext frame))
            throw new GuestCrashException($"the frame of iret at 0x{registers.Rsp:x} cannot be read");
        vcpu.Traps.InNmiHandler = false;
        if ((frame.Cs & PrivilegeMask) == PrivilegeMask)
            GuestMode.Toggle(vcpu);
        if (vcpu.Domain.HasAssist(VmAssistType.ArchitecturalIopl))
            vcpu.Traps.Iopl = (int)(frame.Rflags >> 12 & PrivilegeMask);
        registers.Rip = frame.Rip;
        registers.Cs = (ushort)(frame.Cs | PrivilegeMask);
        registers.Rflags = GuestFlags.Sanitize(frame.Rflags);
        registers.Rsp = frame.Rsp;
        registers.Ss = (ushort)(frame.Ss | PrivilegeMask);
        registers.Rax = frame.Rax;
        var bySysret = (frame.Flags & (ulong)VcpuContextFlags.InSyscall) != 0;
        registers.R11 = bySysret ? registers.Rflags : frame.R11;
        registers.Rcx = bySysret ? registers.Rip : frame.Rcx;
        vcpu.Info.UpcallMask = (byte)((frame.Rflags & GuestFlags.Interrupt) == 0 ? 1 : 0);
        if (bySysret)
        {
            registers.Cs = XenSegments.FlatCode64;
            registers.Ss = XenSegments.FlatStack;
        }
        else if (!Paging.PageWalker.IsCanonical(registers.Rip))
        {
            ExceptionExit.InjectSelectorFault(vcpu, 0);
        }
        else if (!GuestMode.IsCodeSelector(vcpu, registers.Cs))
        {
            ExceptionExit.InjectSelectorFault(vcpu, registers.Cs);
        }
        else if (!GuestMode.IsStackSelector(vcpu, registers.Ss))
        {
            ExceptionExit.InjectSelectorFault(vcpu, registers.Ss);
        }
        return new HypercallResult(HypercallOutcome.RegistersSet, 0);
    }
}
