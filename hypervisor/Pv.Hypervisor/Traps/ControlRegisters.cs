using Iced.Intel;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary>Moves to and from control and debug registers by a PV kernel.</summary>
internal static class ControlRegisters
{
    private const ulong TaskSwitched = 1 << 3;

    // Protection, coprocessor, extension type, numeric error, write protect, alignment mask, paging.
    private const ulong Cr0 = 0x8005_0033;

    // What runs under every guest: physical address extension, machine checks, and the FXSAVE and SIMD exception support that user code needs.
    private const ulong Cr4Fixed = 0x660;

    private const ulong Cr4ExtendedSave = 1 << 18;

    // What a guest may switch: TSD, DE, FSGSBASE, OSXSAVE.
    private const ulong Cr4Switchable = 1 << 2 | 1 << 3 | 1 << 16 | Cr4ExtendedSave;

    public static bool TryMove(Vcpu vcpu, in Instruction instruction)
    {
        if (IsControl(instruction.Op1Register))
            return TryRead(vcpu, instruction.Op1Register, instruction.Op0Register);
        if (IsControl(instruction.Op0Register))
            return TryWrite(vcpu, instruction.Op0Register, Value(vcpu, instruction.Op1Register));
        if (IsDebug(instruction.Op1Register))
        {
            Value(vcpu, instruction.Op0Register) = TrapOperations.ReadDebugRegister(vcpu.Traps, Alias(instruction.Op1Register - Register.DR0));
            return true;
        }
        return IsDebug(instruction.Op0Register)
            && TrapOperations.TrySetDebugRegister(vcpu, instruction.Op0Register - Register.DR0, Value(vcpu, instruction.Op1Register)) == Errno.None;
    }

    /// <summary>Whether the guest has said that it knows XSAVE (CR4.OSXSAVE), which CPUID tells its programs.</summary>
    public static bool HasExtendedSave(Vcpu vcpu) => (vcpu.Traps.Cr4 & Cr4ExtendedSave) != 0;

    /// <summary>
    /// <c>xsetbv</c>: ecx names XCR0, edx:eax is its value. x87 must be on; SSE may be; nothing else is there.
    /// </summary>
    public static bool TrySetExtended(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        var value = (registers.Rdx << 32) | (uint)registers.Rax;
        if ((uint)registers.Rcx != 0 || (value & GuestRegisters.X87) == 0 || (value & ~GuestRegisters.X87AndSse) != 0)
            return false;
        registers.Xcr0 = value;
        return true;
    }

    public static ulong Cr0Of(Vcpu vcpu) => Cr0 | (vcpu.Registers.TaskSwitched ? TaskSwitched : 0);

    public static ulong Cr4Of(Vcpu vcpu) => Cr4Fixed | vcpu.Traps.Cr4;

    public static bool ClearTaskSwitched(Vcpu vcpu)
    {
        vcpu.Registers.TaskSwitched = false;
        return true;
    }

    private static bool TryRead(Vcpu vcpu, Register from, Register to)
    {
        ulong value;
        switch (from)
        {
            case Register.CR0:
                value = Cr0Of(vcpu);
                break;
            case Register.CR2:
                value = vcpu.Info.Arch.Cr2;
                break;
            case Register.CR3:
                value = vcpu.Traps.KernelTable.Address;
                break;
            case Register.CR4:
                value = Cr4Of(vcpu);
                break;
            default:
                return false;
        }
        Value(vcpu, to) = value;
        return true;
    }

    private static bool TryWrite(Vcpu vcpu, Register to, ulong value)
    {
        switch (to)
        {
            case Register.CR0:
                // Everything but the task-switched bit is as it is.
                if (((value ^ Cr0) & ~TaskSwitched) != 0)
                    return false;
                vcpu.Registers.TaskSwitched = (value & TaskSwitched) != 0;
                return true;
            case Register.CR2:
                vcpu.Info.Arch.Cr2 = value;
                return true;
            case Register.CR3:
                return TrySetTable(vcpu, Mfn.OfAddress(value));
            case Register.CR4:
                vcpu.Traps.Cr4 = value & Cr4Switchable;
                return true;
            default:
                return false;
        }
    }

    /// <summary>An instruction cannot stop in the middle as a hypercall can; what is done of the table stays done, so this ends.</summary>
    private static bool TrySetTable(Vcpu vcpu, Mfn table)
    {
        using (vcpu.Domain.PagingLock.Hold())
        {
            Errno error;
            do
                error = BasePointers.SetKernel(vcpu, table);
            while (error == Errno.ERESTART);
            return error == Errno.None;
        }
    }

    private static ref ulong Value(Vcpu vcpu, Register register) => ref vcpu.Registers.General[register.GetFullRegister() - Register.RAX];

    private static int Alias(int debugRegister) => debugRegister is 4 or 5 ? debugRegister + 2 : debugRegister;

    private static bool IsControl(Register register) => register is >= Register.CR0 and <= Register.CR15;

    private static bool IsDebug(Register register) => register is >= Register.DR0 and <= Register.DR7;
}
