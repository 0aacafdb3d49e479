using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary>Where a guest wants to be entered for one kind of event.</summary>
/// <param name="Address">The handler; 0 for none.</param>
/// <param name="MasksEvents">Events are masked when it is entered.</param>
internal readonly record struct GuestCallback(ulong Address, bool MasksEvents)
{
    public bool IsSet => Address != 0;
}

/// <summary>How a vCPU's kernel is entered: trap table, callbacks, stack, page tables of kernel and user. The vCPU's thread owns it.</summary>
internal sealed class TrapState
{
    private ulong _otherGsBase;
    private CallHolds? _holds;

    /// <summary>Whether the kernel runs; else its user code.</summary>
    public bool InKernel { get; set; } = true;

    /// <summary>The trap table by vector; an address of 0 means no handler.</summary>
    public TrapInfo[] Table { get; } = new TrapInfo[256];

    public GuestCallback Event { get; set; }

    public GuestCallback Failsafe { get; set; }

    public GuestCallback Syscall { get; set; }

    public GuestCallback Sysenter { get; set; }

    public GuestCallback Syscall32 { get; set; }

    /// <summary>The code segments of the two; no code of 32 bits runs that could come by them.</summary>
    public ushort SysenterCs { get; set; }

    public ushort Syscall32Cs { get; set; }

    /// <summary>What IA32_MCG_CAP says: as many banks of machine checks as Xen shows to every guest.</summary>
    public ulong MachineCheckCapabilities { get; set; } = 2;

    /// <summary>In the handler of an NMI, until the next <c>iret</c>.</summary>
    public bool InNmiHandler { get; set; }

    public ulong KernelSs { get; set; }

    public ulong KernelSp { get; set; }

    /// <summary>The kernel's L4 table.</summary>
    public Mfn KernelTable { get; set; }

    /// <summary>The user code's L4 table, once there is one.</summary>
    public Mfn? UserTable { get; set; }

    /// <summary>The frames of the GDT that the guest gave, with a reference and a type each.</summary>
    public Mfn[] GdtFrames { get; set; } = [];

    public uint GdtEntries { get; set; }

    public ulong LdtBase { get; set; }

    public uint LdtEntries { get; set; }

    /// <summary>The LDT frames that were looked at, by page of the table.</summary>
    public Mfn?[] LdtFrames { get; } = new Mfn?[16];

    /// <summary>What a call about this vCPU's tables has taken that was stopped.</summary>
    public CallHolds Holds(Vcpu vcpu) => _holds ??= new CallHolds(vcpu);

    /// <summary>The virtual I/O privilege level.</summary>
    public int Iopl { get; set; }

    public ulong[] DebugRegisters { get; } = new ulong[8];

    /// <summary>Guest-visible CR4 bits beyond those that are always on.</summary>
    public ulong Cr4 { get; set; }

    /// <summary>What RDTSCP and RDPID give beside the time: kernels keep the vCPU's number there for their user code.</summary>
    public uint TscAux { get; set; }

    /// <summary>Exchanges the active GS base with the one of the other side.</summary>
    public void SwapGs(ref GuestRegisters registers) => (registers.GsBase, _otherGsBase) = (_otherGsBase, registers.GsBase);

    public ulong KernelGsBase(in GuestRegisters registers) => InKernel ? registers.GsBase : _otherGsBase;

    public ulong UserGsBase(in GuestRegisters registers) => InKernel ? _otherGsBase : registers.GsBase;

    public void SetKernelGsBase(ref GuestRegisters registers, ulong value)
    {
        if (InKernel)
            registers.GsBase = value;
        else
            _otherGsBase = value;
    }

    public void SetUserGsBase(ref GuestRegisters registers, ulong value)
    {
        if (InKernel)
            _otherGsBase = value;
        else
            registers.GsBase = value;
    }

    public void SetGsBases(ref GuestRegisters registers, ulong kernel, ulong user)
    {
        SetKernelGsBase(ref registers, kernel);
        SetUserGsBase(ref registers, user);
    }
}
