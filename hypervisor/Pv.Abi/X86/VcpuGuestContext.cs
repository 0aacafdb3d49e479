using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The whole state of a PV vCPU (<c>public/arch-x86/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_guest_context")]
public struct VcpuGuestContext
{
    public const int WireSize = 5168;

    /// <summary>As <c>fxsave</c> stores it.</summary>
    [Xen("fpu_ctxt")] public Array512<byte> Fpu;

    [Xen("flags")] public VcpuContextFlags Flags;
    [Xen("user_regs")] public CpuUserRegs Registers;
    [Xen("trap_ctxt")] public Array256<TrapInfo> Traps;

    /// <summary>Linear address.</summary>
    [Xen("ldt_base")] public ulong LdtBase;

    [Xen("ldt_ents")] public ulong LdtEntries;

    /// <summary>Machine frames.</summary>
    [Xen("gdt_frames")] public Array16<ulong> GdtFrames;

    [Xen("gdt_ents")] public ulong GdtEntries;
    [Xen("kernel_ss")] public ulong KernelSs;
    [Xen("kernel_sp")] public ulong KernelSp;

    /// <summary>cr0 to cr7; cr1 has the user page-table root, cr3 the kernel's, both as machine addresses.</summary>
    [Xen("ctrlreg")] public Array8<ulong> ControlRegisters;

    [Xen("debugreg")] public Array8<ulong> DebugRegisters;
    [Xen("event_callback_eip")] public ulong EventCallback;
    [Xen("failsafe_callback_eip")] public ulong FailsafeCallback;
    [Xen("syscall_callback_eip")] public ulong SyscallCallback;

    /// <summary>A bit for each <see cref="VmAssistType"/>.</summary>
    [Xen("vm_assist")] public ulong VmAssist;

    [Xen("fs_base")] public ulong FsBase;
    [Xen("gs_base_kernel")] public ulong GsBaseKernel;
    [Xen("gs_base_user")] public ulong GsBaseUser;
}

/// <summary>Flags of <see cref="VcpuGuestContext"/>, and of <see cref="IretContext"/> (<c>public/arch-x86/xen.h</c>).</summary>
[Flags]
[Xen("VGCF_*")]
public enum VcpuContextFlags : ulong
{
    None = 0,

    /// <summary>The floating-point context is to be used.</summary>
    [Xen("VGCF_i387_valid")] FpuValid = 1 << 0,

    /// <summary>The vCPU is in guest kernel mode.</summary>
    [Xen("VGCF_in_kernel")] InKernel = 1 << 2,

    [Xen("VGCF_failsafe_disables_events")] FailsafeDisablesEvents = 1 << 3,
    [Xen("VGCF_syscall_disables_events")] SyscallDisablesEvents = 1 << 4,

    /// <summary>The vCPU is up.</summary>
    [Xen("VGCF_online")] Online = 1 << 5,

    /// <summary>Leave through <c>sysret</c>.</summary>
    [Xen("VGCF_in_syscall")] InSyscall = 1 << 8,
}
