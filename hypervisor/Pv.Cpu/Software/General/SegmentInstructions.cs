using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Segment registers and far transfers that stay at CPL 3.</summary>
/// <remarks>
/// A null selector loaded into FS or GS clears the base, as Intel and recent AMD processors do. A load sets the descriptor's accessed bit
/// once nothing about it can fault any more.
/// </remarks>
// SAFETY: see Operand; the guest's registers are pinned while the vCPU runs.
internal static unsafe class SegmentInstructions
{
    private const int Rsp = 4;

    public static ushort Selector(CpuState* s, Register register) => register switch
    {
        Register.ES => s->Guest->Es,
        Register.CS => s->Guest->Cs,
        Register.SS => s->Guest->Ss,
        Register.DS => s->Guest->Ds,
        Register.FS => s->Guest->Fs,
        _ => s->Guest->Gs,
    };

    /// <summary>Loads a segment register other than CS, with all checks. False after a fault.</summary>
    public static bool TryLoad(CpuState* s, Op* op, Register register, ushort selector)
    {
        var descriptor = default(SegmentDescriptor);
        if (register == Register.SS)
        {
            if (!TryCheckStack(s, op, selector, out descriptor))
                return false;
            MarkAccessed(s, selector, descriptor);
        }
        else if ((selector & ~3) != 0)
        {
            if (!TryDescriptor(s, op, selector, out descriptor))
                return false;
            if (!descriptor.IsReadable || (!(descriptor.IsCode && descriptor.IsConforming) && descriptor.Privilege != 3))
                return Core.Fault(s, op, ExceptionVector.GeneralProtection, (uint)selector & ~3u);
            if (!descriptor.IsPresent)
                return Core.Fault(s, op, ExceptionVector.SegmentNotPresent, (uint)selector & ~3u);
            MarkAccessed(s, selector, descriptor);
        }
        switch (register)
        {
            case Register.ES:
                s->Guest->Es = selector;
                break;
            case Register.SS:
                s->Guest->Ss = selector;
                break;
            case Register.DS:
                s->Guest->Ds = selector;
                break;
            case Register.FS:
                s->Guest->Fs = selector;
                s->SegmentBases[1] = descriptor.Base;
                break;
            default:
                s->Guest->Gs = selector;
                s->SegmentBases[2] = descriptor.Base;
                break;
        }
        return true;
    }

    private static bool TryCheckStack(CpuState* s, Op* op, ushort selector, out SegmentDescriptor descriptor)
    {
        descriptor = default;
        if ((selector & ~3) == 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        if (!TryDescriptor(s, op, selector, out descriptor))
            return false;
        if ((selector & 3) != 3 || !descriptor.IsWritable || descriptor.Privilege != 3)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection, (uint)selector & ~3u);
        return descriptor.IsPresent || Core.Fault(s, op, ExceptionVector.StackFault, (uint)selector & ~3u);
    }

    /// <summary>After a load: one of SS holds single-step traps back for an instruction, and ends its block.</summary>
    public static bool Loaded(CpuState* s, Op* op, Register register)
    {
        if (register != Register.SS)
            return true;
        s->StepShadow = true;
        return Core.Complete(s, op, Core.NextRip(op));
    }

    private static void MarkAccessed(CpuState* s, ushort selector, SegmentDescriptor descriptor)
    {
        if (!descriptor.IsAccessed)
            SoftwareVcpu.Of(s).Host.SetDescriptorAccessed(selector);
    }

    private static bool TryDescriptor(CpuState* s, Op* op, ushort selector, out SegmentDescriptor descriptor)
    {
        var found = SoftwareVcpu.Of(s).Host.TryReadDescriptor(selector, out var raw);
        descriptor = new SegmentDescriptor(raw);
        return found || Core.Fault(s, op, ExceptionVector.GeneralProtection, (uint)selector & ~3u);
    }

    /// <summary><c>mov sreg, r/m16</c> and <c>mov r/m, sreg</c>.</summary>
    public static bool Move(CpuState* s, Op* op, GeneralRecord* record)
    {
        ref readonly var instruction = ref record->Instruction;
        if (instruction.Op0Kind == OpKind.Register && !Registers.IsGeneral(instruction.Op0Register))
        {
            if (instruction.Op0Register == Register.CS)
                return Core.Fault(s, op, ExceptionVector.InvalidOpcode);
            return Operand.TryRead(s, op, record, 1, out var value)
                && TryLoad(s, op, instruction.Op0Register, (ushort)value)
                && Loaded(s, op, instruction.Op0Register);
        }
        var selector = Selector(s, instruction.Op1Register);
        if (instruction.Op0Kind == OpKind.Memory)
            return Operand.TryStore(s, op, Operand.Address(s, op, record), selector, 2);
        Operand.SetRegister(s, instruction.Op0Register, selector);
        return true;
    }

    /// <summary><c>lss</c>, <c>lfs</c>, <c>lgs</c>.</summary>
    public static bool LoadFarPointer(CpuState* s, Op* op, GeneralRecord* record)
    {
        ref readonly var instruction = ref record->Instruction;
        var size = Operand.Size(record, 0);
        var register = instruction.Mnemonic switch
        {
            Mnemonic.Lss => Register.SS,
            Mnemonic.Lfs => Register.FS,
            _ => Register.GS,
        };
        var address = Operand.Address(s, op, record);
        if (!Operand.TryLoad(s, op, address, size, out var offset) || !Operand.TryLoad(s, op, address + (ulong)size, 2, out var selector)
            || !TryLoad(s, op, register, (ushort)selector))
            return false;
        // Unlike mov ss and pop ss, lss holds nothing back: it loads the stack pointer, too.
        Operand.SetRegister(s, instruction.Op0Register, offset);
        return true;
    }

    /// <summary>Whether a selector may be loaded into CS by a return or a jump to CPL 3. False after a fault.</summary>
    private static bool TryCheckCode(CpuState* s, Op* op, ushort selector, bool isReturn, out SegmentDescriptor descriptor)
    {
        descriptor = default;
        if ((selector & ~3) == 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        if (!TryDescriptor(s, op, selector, out descriptor))
            return false;
        var error = (uint)selector & ~3u;
        // A return takes its new privilege from the selector, and it cannot be a higher one; gates are not to be had at CPL 3 here.
        if (!descriptor.IsCode || (isReturn && (selector & 3) != 3) || (descriptor.IsConforming ? descriptor.Privilege > 3 : descriptor.Privilege != 3))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection, error);
        if (descriptor.IsLong && descriptor.IsDefault32)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection, error);
        if (!descriptor.IsPresent)
            return Core.Fault(s, op, ExceptionVector.SegmentNotPresent, error);
        if (descriptor.IsLong)
            return true;
        SoftwareVcpu.Of(s).ReportUnsupported($"32-bit code segment 0x{selector:x}");
        return Core.Fault(s, op, ExceptionVector.InvalidOpcode);
    }

    /// <summary>Why the code segment of a vCPU that is about to run cannot be run; null when it can.</summary>
    public static string? WhyNotRun(ICpuHost host, ushort selector)
    {
        if (!host.TryReadDescriptor(selector, out var raw))
            return null;
        var descriptor = new SegmentDescriptor(raw);
        return descriptor.IsCode && !descriptor.IsLong ? $"32-bit code segment 0x{selector:x}" : null;
    }

    public static bool ReturnFar(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = record->Instruction.Code switch
        {
            Code.Retfw or Code.Retfw_imm16 => 2,
            Code.Retfd or Code.Retfd_imm16 => 4,
            _ => 8,
        };
        ulong release = record->Instruction.OpCount > 0 ? record->Instruction.Immediate16 : 0u;
        if (!StackInstructions.TryPeek(s, op, 0, size, out var target) || !StackInstructions.TryPeek(s, op, (ulong)size, size, out var selector)
            || !TryCheckCode(s, op, (ushort)selector, isReturn: true, out var descriptor))
            return false;
        if (!Core.IsCanonical(target))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        Core.Reg(s, Rsp) += (ulong)(2 * size) + release;
        MarkAccessed(s, (ushort)selector, descriptor);
        s->Guest->Cs = (ushort)selector;
        return Core.Complete(s, op, target);
    }

    /// <summary><c>iret</c> at CPL 3: IF and IOPL stay as they are.</summary>
    public static bool InterruptReturn(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = record->Instruction.Code switch
        {
            Code.Iretw => 2,
            Code.Iretd => 4,
            _ => 8,
        };
        if ((s->SystemFlags & Flags.Nested) != 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        var step = (ulong)size;
        if (!StackInstructions.TryPeek(s, op, 0, size, out var target) || !StackInstructions.TryPeek(s, op, step, size, out var cs)
            || !StackInstructions.TryPeek(s, op, 2 * step, size, out var flags) || !StackInstructions.TryPeek(s, op, 3 * step, size, out var stack)
            || !StackInstructions.TryPeek(s, op, 4 * step, size, out var ss)
            || !TryCheckCode(s, op, (ushort)cs, isReturn: true, out var code) || !TryCheckStack(s, op, (ushort)ss, out var data))
            return false;
        if (!Core.IsCanonical(target))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        MarkAccessed(s, (ushort)cs, code);
        MarkAccessed(s, (ushort)ss, data);
        s->Guest->Cs = (ushort)cs;
        s->Guest->Ss = (ushort)ss;
        Core.Reg(s, Rsp) = stack;
        StackInstructions.SetFlags(s, (uint)flags, size == 2 ? 0xffffu : uint.MaxValue);
        return Core.Complete(s, op, target);
    }

    /// <summary><c>jmp far [m]</c> and <c>call far [m]</c>.</summary>
    public static bool Far(CpuState* s, Op* op, GeneralRecord* record)
    {
        ref readonly var instruction = ref record->Instruction;
        var size = instruction.Code switch
        {
            Code.Jmp_m1616 or Code.Call_m1616 => 2,
            Code.Jmp_m1632 or Code.Call_m1632 => 4,
            _ => 8,
        };
        var address = Operand.Address(s, op, record);
        if (!Operand.TryLoad(s, op, address, size, out var target) || !Operand.TryLoad(s, op, address + (ulong)size, 2, out var selector)
            || !TryCheckCode(s, op, (ushort)selector, isReturn: false, out var descriptor))
            return false;
        if (!Core.IsCanonical(target))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        if (instruction.Mnemonic == Mnemonic.Call)
        {
            var step = (ulong)size;
            var top = Core.Reg(s, Rsp) - (2 * step);
            op->Segment = Op.StackSegment;
            if (!GuestMemory.CanWrite(s, op, top, 2 * size) || !Operand.TryStore(s, op, top + step, s->Guest->Cs, size)
                || !Operand.TryStore(s, op, top, Core.NextRip(op), size))
                return false;
            Core.Reg(s, Rsp) = top;
        }
        MarkAccessed(s, (ushort)selector, descriptor);
        s->Guest->Cs = (ushort)(selector | 3);
        return Core.Complete(s, op, target);
    }

    /// <summary><c>verr</c>, <c>verw</c>, <c>lar</c>, <c>lsl</c>: ask about a selector; ZF answers.</summary>
    public static bool Ask(CpuState* s, Op* op, GeneralRecord* record)
    {
        ref readonly var instruction = ref record->Instruction;
        var asked = instruction.Mnemonic is Mnemonic.Lar or Mnemonic.Lsl ? 1 : 0;
        ulong value;
        if (instruction.GetOpKind(asked) == OpKind.Memory)
        {
            if (!Operand.TryLoad(s, op, Operand.Address(s, op, record), 2, out value))
                return false;
        }
        else
        {
            value = Operand.Register(s, instruction.GetOpRegister(asked));
        }
        var selector = (ushort)value;
        var valid = (selector & ~3) != 0 && SoftwareVcpu.Of(s).Host.TryReadDescriptor(selector, out value);
        var descriptor = new SegmentDescriptor(valid ? value : 0);
        // System segments are not visible at CPL 3.
        valid = valid && descriptor.IsSegment && ((descriptor.IsCode && descriptor.IsConforming) || descriptor.Privilege == 3);
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Verr:
                valid = valid && descriptor.IsReadable;
                break;
            case Mnemonic.Verw:
                valid = valid && descriptor.IsWritable;
                break;
            case Mnemonic.Lar when valid:
                Operand.SetRegister(s, instruction.Op0Register, (descriptor.Raw >> 32) & 0xff_ff00);
                break;
            case Mnemonic.Lsl when valid:
                Operand.SetRegister(s, instruction.Op0Register, descriptor.Limit);
                break;
        }
        Flags.Change(s, Flags.Zero, valid ? Flags.Zero : 0);
        return true;
    }
}
