using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Traps;

/// <summary><c>syscall</c> by a guest's user code: its kernel's system call, which it registered a callback for.</summary>
internal static class UserSyscall
{
    /// <summary>The engine left rip behind the instruction, with rcx and r11 as the processor sets them.</summary>
    public static void Deliver(Vcpu vcpu) => BounceFrame.Enter(vcpu, vcpu.Traps.Syscall);
}
