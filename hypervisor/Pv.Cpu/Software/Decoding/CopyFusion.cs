using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>
/// Makes one operation of a copy between registers and the operation on the copy that follows it, as compilers write them for want of a
/// third operand.
/// </summary>
// SAFETY: writes the Op that it is given and the one before it, which the caller says belongs to the same block.
internal static unsafe class CopyFusion
{
    /// <summary>
    /// Puts both into the operation before <paramref name="op"/>. False: they stay two. Neither can fault, and the flags of the copy are those
    /// before it, so nothing can be seen between them.
    /// </summary>
    public static bool TryFuse(Op* op, in Instruction instruction, bool live, in Instruction copy)
    {
        // A copy that is part of something already has another length.
        var before = op - 1;
        if (before->Length != copy.Length || copy.Mnemonic != Mnemonic.Mov || copy.Op0Kind != OpKind.Register || copy.Op1Kind != OpKind.Register
            || instruction.OpCount != 2 || instruction.Op0Kind != OpKind.Register || instruction.Op0Register != copy.Op0Register)
            return false;
        var size = Registers.SizeOf(copy.Op0Register);
        if (size < 4 || !Registers.IsGeneral(copy.Op1Register))
            return false;
        Handler handler;
        var source = Registers.OffsetOf(copy.Op1Register);
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Add or Mnemonic.Sub or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor:
                if (instruction.Op1Kind == OpKind.Memory)
                    return false;
                var form = instruction.Op1Kind == OpKind.Register ? OperandForm.CopyReg : OperandForm.CopyImm;
                handler = AluChoice.Of(instruction.Mnemonic, form, size, live, AddressForm.Base);
                break;
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror:
                if (instruction.Op1Kind == OpKind.Register || op->Imm == 0)
                    return false;
                handler = UnaryChoice.CopyShift(instruction.Mnemonic, size, live);
                break;
            default:
                return false;
        }
        before->Handler = handler;
        before->Base = source;
        before->Dst = op->Dst;
        // An operation of the copy with itself is one of the original with itself.
        before->Src = op->Src == op->Dst ? source : op->Src;
        before->Imm = op->Imm;
        before->Length += op->Length;
        before->Total = op->Total;
        return true;
    }
}
