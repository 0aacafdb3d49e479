using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary>What becomes of an exception that a guest's code raised: emulated, or the guest's own to handle.</summary>
internal static class ExceptionExit
{
    private const uint FromInstruction = 2;
    private const int VectorShift = 3;
    private const int IntLength = 2;
    private const byte OldSystemCall = 0x80;
    private const uint LocalTable = 4, SelectorMask = 0xfffc;
    private const int StatusRegister = 6;
    private const ulong SingleStep = 1 << 14;

    private static readonly string[] Names =
    [
        "divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode", "device not available", "double fault",
        "coprocessor overrun", "invalid TSS", "segment not present", "stack fault", "general protection", "page fault", "reserved",
        "x87 error", "alignment check", "machine check", "SIMD error",
    ];

    public static void Handle(Vcpu vcpu, CpuExit exit)
    {
        switch (exit.Vector)
        {
            case ExceptionVector.GeneralProtection when (exit.ErrorCode & FromInstruction) != 0:
                if (TrySoftwareInterrupt(vcpu, (byte)(exit.ErrorCode >> VectorShift)))
                    return;
                break;
            case ExceptionVector.GeneralProtection when (exit.ErrorCode & LocalTable) != 0 && IsMissingLocalDescriptor(vcpu, exit.ErrorCode, out var address):
                InjectPageFault(vcpu, address, 0);
                return;
            case ExceptionVector.Debug:
                // A guest has no breakpoint of its own in hardware: what traps is the single step.
                if ((vcpu.Registers.Rflags & GuestFlags.Trap) != 0)
                    vcpu.Traps.DebugRegisters[StatusRegister] |= SingleStep;
                break;
            case ExceptionVector.GeneralProtection when exit.ErrorCode == 0:
                if (PrivilegedInstructions.TryEmulate(vcpu))
                    return;
                break;
            case ExceptionVector.InvalidOpcode:
                if (PrivilegedInstructions.TryForced(vcpu))
                    return;
                break;
            case ExceptionVector.DeviceNotAvailable:
                vcpu.Registers.TaskSwitched = false;
                break;
            case ExceptionVector.PageFault:
                if (WritableTables.TryEmulate(vcpu, exit.FaultAddress, exit.ErrorCode))
                    return;
                InjectPageFault(vcpu, exit.FaultAddress, exit.ErrorCode);
                return;
        }
        Inject(vcpu, exit.Vector, ExceptionVector.HasErrorCode(exit.Vector) ? exit.ErrorCode : null);
    }

    /// <summary>Enters the guest's handler of a vector; a guest without one crashes.</summary>
    public static void Inject(Vcpu vcpu, byte vector, uint? errorCode)
    {
        ref var trap = ref vcpu.Traps.Table[vector];
        if (trap.Address == 0)
            throw new GuestCrashException($"the guest has no handler for {Describe(vector, errorCode)}");
        BounceFrame.Enter(vcpu, new GuestCallback(trap.Address, (trap.Flags & TrapFlags.MaskEvents) != 0), errorCode);
    }

    public static void InjectPageFault(Vcpu vcpu, ulong address, uint errorCode)
    {
        vcpu.Info.Arch.Cr2 = address;
        // Guest kernel and user both run in ring 3: which of them it was is what the bit means to the guest.
        errorCode &= ~(uint)PageFaultError.User;
        if (!vcpu.Traps.InKernel)
            errorCode |= (uint)PageFaultError.User;
        if (vcpu.Traps.Table[ExceptionVector.PageFault].Address == 0)
            throw new GuestCrashException($"the guest has no handler for a page fault at 0x{address:x} (error code 0x{errorCode:x})");
        Inject(vcpu, ExceptionVector.PageFault, errorCode);
    }

    /// <summary>A selector that iret was to load and cannot: the guest's fault, as if the instruction at the new place had raised it.</summary>
    public static void InjectSelectorFault(Vcpu vcpu, ushort selector)
        => Inject(vcpu, ExceptionVector.GeneralProtection, selector & SelectorMask);

    /// <summary>Whether a descriptor lies within the LDT but its page cannot be used: the guest gets a page fault at its address.</summary>
    private static bool IsMissingLocalDescriptor(Vcpu vcpu, uint selector, out ulong address)
    {
        var index = (selector & 0xffff) >> 3;
        address = vcpu.Traps.LdtBase + index * sizeof(ulong);
        return index < vcpu.Traps.LdtEntries && !DescriptorTables.TryRead(vcpu, (ushort)selector, out _);
    }

    /// <summary><c>int n</c>: the guest's trap table says from which level it may be used.</summary>
    private static bool TrySoftwareInterrupt(Vcpu vcpu, byte vector)
    {
        ref var trap = ref vcpu.Traps.Table[vector];
        var needed = vcpu.Traps.InKernel ? 1 : 3;
        // Xen's gate for the old system call of 32-bit kernels leads to the guest's handler without asking who may use it.
        var isOpen = vector == OldSystemCall && trap.Address != 0;
        if (!isOpen && (int)(trap.Flags & TrapFlags.DplMask) < needed)
            return false;
        vcpu.Registers.Rip += IntLength;
        Inject(vcpu, vector, null);
        return true;
    }

    private static string Describe(byte vector, uint? errorCode)
    {
        var name = vector < Names.Length ? Names[vector] : $"trap {vector}";
        return errorCode is { } code ? $"{name} (vector {vector}, error code 0x{code:x})" : $"{name} (vector {vector})";
    }
}
