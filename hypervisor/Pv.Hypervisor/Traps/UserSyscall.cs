using Pv.Cpu;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Traps;

/// <summary><c>syscall</c> by a guest's user code: its kernel's system call, which it registered a callback for.</summary>
internal static class UserSyscall
{
    private const int SyscallLength = 2;

    /// <summary>The engine left rip behind the instruction, with rcx and r11 as the processor sets them.</summary>
    public static void Deliver(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        if (!vcpu.Traps.Syscall.IsSet)
        {
            // A kernel without an entry has no such instruction.
            registers.Rip -= SyscallLength;
            ExceptionExit.Inject(vcpu, ExceptionVector.InvalidOpcode, null);
            return;
        }
        BounceFrame.Enter(vcpu, vcpu.Traps.Syscall);
    }
}
