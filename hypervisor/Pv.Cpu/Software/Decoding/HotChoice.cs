using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Gives frequent forms of frequent instructions a handler of their own.</summary>
// SAFETY: writes the Op that it is given.
internal static unsafe class HotChoice
{
    /// <summary>
    /// Fills <paramref name="op"/>. False: the general layer must do it. <paramref name="made"/> is what is known of the flags behind it;
    /// <paramref name="form"/> tells a jump behind it how to be fused.
    /// </summary>
    public static bool TryWrite(Op* op, in Instruction instruction, bool live, KnownFlags known, ref KnownFlags made, out OperandForm form, out int size)
    {
        form = OperandForm.None;
        size = 0;
        // A repeat prefix means nothing here: string instructions are not among these.
        if (instruction.HasLockPrefix)
            return false;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Add or Mnemonic.Sub or Mnemonic.Cmp or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test
                or Mnemonic.Adc or Mnemonic.Sbb:
                return TryAlu(op, instruction, live, ref made, ref form, ref size);
            case Mnemonic.Mov:
                return TryMove(op, instruction);
            case Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd:
                return TryExtend(op, instruction);
            case Mnemonic.Lea:
                op->Dst = Registers.OffsetOf(instruction.Op0Register);
                op->Disp = MemoryOperand.Describe(instruction, op, out var address);
                // A segment base is no part of an effective address.
                op->Segment = 0;
                op->Handler = MoveChoice.Lea(Registers.SizeOf(instruction.Op0Register), address);
                return true;
            case Mnemonic.Nop or Mnemonic.Endbr64 or Mnemonic.Endbr32 or Mnemonic.Pause:
                op->Handler = &MoveHandlers.Nothing;
                return true;
            case Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not:
                if (instruction.Op0Kind != OpKind.Register)
                    return false;
                op->Dst = Registers.OffsetOf(instruction.Op0Register);
                op->Handler = UnaryChoice.OneOperand(instruction.Mnemonic, Registers.SizeOf(instruction.Op0Register), live);
                return true;
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror:
                return TryShift(op, instruction, live);
            case Mnemonic.Imul:
                return TryMultiply(op, instruction, live);
            case Mnemonic.Push:
                return TryPush(op, instruction);
            case Mnemonic.Pop:
                if (instruction.Code is not (Code.Pop_r64 or Code.Pop_rm64) || instruction.Op0Kind != OpKind.Register)
                    return false;
                op->Dst = Registers.OffsetOf(instruction.Op0Register);
                op->Segment = Op.StackSegment;
                op->Handler = &StackHandlers.PopReg<Straight>;
                return true;
            case Mnemonic.Leave:
                if (instruction.Code != Code.Leaveq)
                    return false;
                op->Segment = Op.StackSegment;
                op->Handler = &StackHandlers.Leave<Straight>;
                return true;
            case Mnemonic.Cdqe:
                op->Handler = &MoveHandlers.Cdqe;
                return true;
            case Mnemonic.Cdq:
                op->Handler = &MoveHandlers.Cdq;
                return true;
            case Mnemonic.Cqo:
                op->Handler = &MoveHandlers.Cqo;
                return true;
            case Mnemonic.Bswap:
                op->Dst = Registers.OffsetOf(instruction.Op0Register);
                if (instruction.Code == Code.Bswap_r64)
                    op->Handler = &MoveHandlers.Swap64;
                else if (instruction.Code == Code.Bswap_r32)
                    op->Handler = &MoveHandlers.Swap32;
                else
                    return false;
                return true;
            default:
                return TryConditional(op, instruction, known) || VectorChoice.TryWrite(op, instruction);
        }
    }

    /// <summary>The form of a two-operand instruction of general registers, memory and constants; its operands go into the operation.</summary>
    private static OperandForm Operands(Op* op, in Instruction instruction, out int size, out AddressForm address)
    {
        address = AddressForm.Base;
        size = 0;
        var first = instruction.Op0Kind;
        var second = instruction.Op1Kind;
        if (first == OpKind.Register)
        {
            if (!Registers.IsGeneral(instruction.Op0Register))
                return OperandForm.None;
            op->Dst = Registers.OffsetOf(instruction.Op0Register);
            size = Registers.SizeOf(instruction.Op0Register);
            if (second == OpKind.Register)
            {
                if (!Registers.IsGeneral(instruction.Op1Register))
                    return OperandForm.None;
                op->Src = Registers.OffsetOf(instruction.Op1Register);
                return OperandForm.RegReg;
            }
            if (second == OpKind.Memory)
            {
                op->Disp = MemoryOperand.Describe(instruction, op, out address);
                return OperandForm.RegMem;
            }
            var value = instruction.GetImmediate(1);
            op->Disp = (long)value;
            op->Imm = (int)value;
            return OperandForm.RegImm;
        }
        if (first != OpKind.Memory)
            return OperandForm.None;
        op->Disp = MemoryOperand.Describe(instruction, op, out address);
        if (second == OpKind.Register)
        {
            if (!Registers.IsGeneral(instruction.Op1Register))
                return OperandForm.None;
            op->Src = Registers.OffsetOf(instruction.Op1Register);
            size = Registers.SizeOf(instruction.Op1Register);
            return OperandForm.MemReg;
        }
        size = instruction.MemorySize.GetSize();
        op->Imm = (int)instruction.GetImmediate(1);
        return OperandForm.MemImm;
    }

    private static bool TryAlu(Op* op, in Instruction instruction, bool live, ref KnownFlags made, ref OperandForm form, ref int size)
    {
        form = Operands(op, instruction, out size, out var address);
        if (form == OperandForm.None)
            return false;
        op->Handler = AluChoice.Of(instruction.Mnemonic, form, size, live, address);
        if (op->Handler == null)
            return false;
        if (live || instruction.Mnemonic is Mnemonic.Cmp or Mnemonic.Test || form is OperandForm.MemReg or OperandForm.MemImm)
            made = instruction.Mnemonic switch
            {
                Mnemonic.Cmp or Mnemonic.Sub => new KnownFlags(Flags.Sub, size),
                Mnemonic.And or Mnemonic.Test or Mnemonic.Or or Mnemonic.Xor => new KnownFlags(Flags.Logic, size),
                _ => KnownFlags.Nothing,
            };
        return true;
    }

    private static bool TryMove(Op* op, in Instruction instruction)
    {
        var form = Operands(op, instruction, out var size, out var address);
        if (form == OperandForm.None)
            return false;
        op->Handler = MoveChoice.Of(form, size, address);
        return op->Handler != null;
    }

    private static bool TryExtend(Op* op, in Instruction instruction)
    {
        op->Dst = Registers.OffsetOf(instruction.Op0Register);
        var to = Registers.SizeOf(instruction.Op0Register);
        var memory = instruction.Op1Kind == OpKind.Memory;
        var address = AddressForm.Base;
        int from;
        if (memory)
        {
            op->Disp = MemoryOperand.Describe(instruction, op, out address);
            from = instruction.MemorySize.GetSize();
        }
        else
        {
            op->Src = Registers.OffsetOf(instruction.Op1Register);
            from = Registers.SizeOf(instruction.Op1Register);
        }
        if (from >= to || (from == 4 && to == 2))
            return false;
        op->Handler = MoveChoice.Extend(instruction.Mnemonic != Mnemonic.Movzx, to, from, memory, address);
        return true;
    }

    private static bool TryShift(Op* op, in Instruction instruction, bool live)
    {
        if (instruction.Op0Kind != OpKind.Register)
            return false;
        var size = Registers.SizeOf(instruction.Op0Register);
        op->Dst = Registers.OffsetOf(instruction.Op0Register);
        if (instruction.Op1Kind == OpKind.Register)
        {
            op->Handler = UnaryChoice.ShiftByCl(instruction.Mnemonic, size, live);
            return true;
        }
        op->Imm = (int)instruction.GetImmediate(1) & (size == 8 ? 63 : 31);
        if (op->Imm == 0)
            return false;
        op->Handler = UnaryChoice.ShiftImm(instruction.Mnemonic, size, live);
        return true;
    }

    private static bool TryMultiply(Op* op, in Instruction instruction, bool live)
    {
        if (instruction.OpCount < 2)
            return false;
        var size = Registers.SizeOf(instruction.Op0Register);
        op->Dst = Registers.OffsetOf(instruction.Op0Register);
        if (instruction.OpCount == 3)
        {
            if (instruction.Op1Kind != OpKind.Register)
                return false;
            op->Src = Registers.OffsetOf(instruction.Op1Register);
            op->Imm = (int)instruction.GetImmediate(2);
            op->Handler = UnaryChoice.MultiplyRegImm(size, live);
            return true;
        }
        if (instruction.Op1Kind == OpKind.Register)
        {
            op->Src = Registers.OffsetOf(instruction.Op1Register);
            op->Handler = UnaryChoice.MultiplyReg(size, live);
            return true;
        }
        op->Disp = MemoryOperand.Describe(instruction, op, out var address);
        op->Handler = UnaryChoice.MultiplyMem(size, live, address);
        return true;
    }

    private static bool TryPush(Op* op, in Instruction instruction)
    {
        switch (instruction.Code)
        {
            case Code.Push_r64:
            case Code.Push_rm64 when instruction.Op0Kind == OpKind.Register:
                op->Src = Registers.OffsetOf(instruction.Op0Register);
                op->Handler = &StackHandlers.PushReg<Straight>;
                break;
            case Code.Pushq_imm8 or Code.Pushq_imm32:
                op->Imm = (int)instruction.GetImmediate(0);
                op->Handler = &StackHandlers.PushImm<Straight>;
                break;
            default:
                return false;
        }
        op->Segment = Op.StackSegment;
        return true;
    }

    private static bool TryConditional(Op* op, in Instruction instruction, KnownFlags known)
    {
        var code = instruction.ConditionCode;
        if (code == ConditionCode.None || instruction.FlowControl != FlowControl.Next || instruction.Op0Kind != OpKind.Register
            || !Registers.IsGeneral(instruction.Op0Register))
            return false;
        op->Dst = Registers.OffsetOf(instruction.Op0Register);
        if (instruction.OpCount == 1)
        {
            op->Handler = ConditionChoice.Set(code, known);
            return true;
        }
        if (instruction.OpCount != 2 || instruction.Op1Kind != OpKind.Register)
            return false;
        op->Src = Registers.OffsetOf(instruction.Op1Register);
        op->Handler = ConditionChoice.Move(code, known, Registers.SizeOf(instruction.Op0Register));
        return true;
    }
}
