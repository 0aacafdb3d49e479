using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Traps;

/// <summary>What becomes of an exception that a guest's code raised: emulated, or the guest's own to handle.</summary>
internal static class ExceptionExit
{
    private const uint FromInstruction = 2;
    private const int VectorShift = 3;
    private const int IntLength = 2;

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
            throw new GuestCrashException($"the guest has no handler for a {Describe(vector, errorCode)}");
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

    /// <summary><c>int n</c>: the guest's trap table says from which level it may be used.</summary>
    private static bool TrySoftwareInterrupt(Vcpu vcpu, byte vector)
    {
        ref var trap = ref vcpu.Traps.Table[vector];
        var needed = vcpu.Traps.InKernel ? 1 : 3;
        if ((int)(trap.Flags & TrapFlags.DplMask) < needed)
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
