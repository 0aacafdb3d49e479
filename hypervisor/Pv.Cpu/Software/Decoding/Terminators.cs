using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The instructions that end a block.</summary>
// SAFETY: writes the Op that it is given.
internal static unsafe class Terminators
{
    public static bool EndsBlock(in Instruction instruction)
        => instruction.FlowControl != FlowControl.Next || instruction.IsInvalid
            || instruction.Mnemonic is Mnemonic.Popf or Mnemonic.Popfq or Mnemonic.Syscall
            || (instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Pop && instruction.Op0Kind == OpKind.Register && instruction.Op0Register == Register.SS);

    /// <summary>Writes an instruction that ends a block in a way of its own. False: it is written like any other.</summary>
    public static bool TryWrite(ref BlockWriter writer, Op* op, in Instruction instruction, int number, ReadOnlySpan<Instruction> all)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.INVALID:
                op->Handler = &Leaving.Raise;
                op->Dst = instruction.Length >= 15 ? ExceptionVector.GeneralProtection : ExceptionVector.InvalidOpcode;
                return true;
            case Mnemonic.Syscall:
                op->Handler = &Leaving.Syscall;
                return true;
            case Mnemonic.Ud0 or Mnemonic.Ud1 or Mnemonic.Ud2:
                op->Handler = &Leaving.Raise;
                op->Dst = ExceptionVector.InvalidOpcode;
                return true;
            case Mnemonic.Int3:
                op->Handler = &Leaving.RaiseTrap;
                op->Dst = ExceptionVector.Breakpoint;
                return true;
            case Mnemonic.Int1:
                op->Handler = &Leaving.RaiseTrap;
                op->Dst = ExceptionVector.Debug;
                return true;
            // Xen's gates of these two are open to ring 3, as every kernel's are; a guest's other vectors are its hypervisor's matter.
            case Mnemonic.Int when instruction.Immediate8 is ExceptionVector.Breakpoint or ExceptionVector.Overflow:
                op->Handler = &Leaving.RaiseTrap;
                op->Dst = instruction.Immediate8;
                return true;
            case Mnemonic.Int:
                op->Handler = &Leaving.Raise;
                op->Dst = ExceptionVector.GeneralProtection;
                op->Imm = (instruction.Immediate8 * 8) + 2;
                return true;
            case Mnemonic.Jmp when instruction.Op0Kind == OpKind.NearBranch64:
                op->Handler = &BranchHandlers.Jump;
                op->Disp = (long)instruction.NearBranchTarget;
                writer.AddLinks();
                return true;
            case Mnemonic.Jmp when instruction.Code == Code.Jmp_rm64:
                if (instruction.Op0Kind == OpKind.Register)
                {
                    op->Src = Registers.OffsetOf(instruction.Op0Register);
                    op->Handler = &BranchHandlers.JumpReg;
                    return true;
                }
                op->Disp = MemoryOperand.Describe(instruction, op, out var form);
                op->Handler = JumpMemory(form);
                return true;
            case Mnemonic.Call when instruction.Op0Kind == OpKind.NearBranch64:
                op->Handler = &BranchHandlers.Call<Straight>;
                op->Disp = (long)instruction.NearBranchTarget;
                op->Segment = Op.StackSegment;
                writer.AddLinks();
                return true;
            case Mnemonic.Call when instruction.Code == Code.Call_rm64 && instruction.Op0Kind == OpKind.Register:
                op->Src = Registers.OffsetOf(instruction.Op0Register);
                op->Segment = Op.StackSegment;
                op->Handler = &BranchHandlers.CallReg<Straight>;
                return true;
            case Mnemonic.Ret when instruction.Code is Code.Retnq or Code.Retnq_imm16:
                op->Handler = &BranchHandlers.Return<Straight>;
                op->Segment = Op.StackSegment;
                op->Imm = instruction.OpCount > 0 ? instruction.Immediate16 : 0;
                return true;
        }
        if (instruction.FlowControl == FlowControl.ConditionalBranch && instruction.ConditionCode != ConditionCode.None
            && instruction.IsJccShortOrNear && instruction.Op0Kind == OpKind.NearBranch64)
        {
            WriteConditional(ref writer, op, instruction, number, all);
            return true;
        }
        return false;
    }

    private static void WriteConditional(ref BlockWriter writer, Op* op, in Instruction instruction, int number, ReadOnlySpan<Instruction> all)
    {
        var first = writer.TryFuse(out var form, out var size);
        var fused = first == null ? null : ConditionChoice.Fused(all[number - 1].Mnemonic, form, size, instruction.ConditionCode);
        if (fused != null)
        {
            first->Handler = fused;
            first->Length += op->Length;
            first->Total = op->Total;
            first->Disp = (long)instruction.NearBranchTarget;
            writer.TakeBack();
        }
        else
        {
            op->Handler = ConditionChoice.Jump(instruction.ConditionCode, writer.Known);
            op->Disp = (long)instruction.NearBranchTarget;
        }
        writer.AddLinks();
    }

    private static Handler JumpMemory(AddressForm form)
    {
        switch (form)
        {
            case AddressForm.Base:
                return &BranchHandlers.JumpMem<BaseAddress, Straight>;
            case AddressForm.Indexed:
                return &BranchHandlers.JumpMem<IndexedAddress, Straight>;
            default:
                return &BranchHandlers.JumpMem<AnyAddress, Straight>;
        }
    }
}
