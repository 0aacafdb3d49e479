using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>How an instruction is translated.</summary>
internal enum NativeShape : byte
{
    /// <summary>Nothing to do.</summary>
    Nothing,

    /// <summary>The instruction itself, with other registers and another address.</summary>
    Itself,

    /// <summary>The same, for one that uses vector registers.</summary>
    Vector,
    Lea,
    Push,
    Pop,
    Leave,

    /// <summary><c>cmpxchg16b</c>.</summary>
    WideExchange,

    /// <summary>The interpreter does it, and translated code goes on behind.</summary>
    Interpreted,

    /// <summary>The interpreter does it; the translation ends before it.</summary>
    End,
    Conditional,
    Jump,
    Call,
    Return,
    JumpIndirect,
    CallIndirect,
}

/// <summary>Chooses how instructions are translated.</summary>
internal static class NativeChoice
{
    /// <param name="instruction">The instruction.</param>
    /// <param name="exchangesWide">Whether the host's own 16-byte exchange is used.</param>
    public static NativeShape Of(in Instruction instruction, bool exchangesWide)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Nop or Mnemonic.Endbr64 or Mnemonic.Pause or Mnemonic.Prefetchnta or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1
                or Mnemonic.Prefetcht2 or Mnemonic.Prefetchw:
                return NativeShape.Nothing;
            case Mnemonic.Jmp:
                return instruction.Op0Kind == OpKind.NearBranch64 ? NativeShape.Jump
                    : instruction.Code == Code.Jmp_rm64 && IsReachable(instruction) ? NativeShape.JumpIndirect
                    : NativeShape.End;
            case Mnemonic.Call:
                return instruction.Op0Kind == OpKind.NearBranch64 ? NativeShape.Call
                    : instruction.Code == Code.Call_rm64 && IsReachable(instruction) ? NativeShape.CallIndirect
                    : NativeShape.End;
            case Mnemonic.Ret:
                return instruction.Code is Code.Retnq or Code.Retnq_imm16 ? NativeShape.Return : NativeShape.End;
        }
        if (instruction.IsJccShortOrNear && instruction.Op0Kind == OpKind.NearBranch64)
            return NativeShape.Conditional;
        if (Terminators.EndsBlock(instruction))
            return NativeShape.End;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Lea:
                return IsReachable(instruction) && Registers.SizeOf(instruction.Op0Register) >= 4 ? NativeShape.Lea : NativeShape.Interpreted;
            case Mnemonic.Push:
                return instruction.Code is Code.Push_r64 or Code.Pushq_imm8 or Code.Pushq_imm32
                    || (instruction.Code == Code.Push_rm64 && (instruction.Op0Kind == OpKind.Register || IsReachable(instruction)))
                    ? NativeShape.Push : NativeShape.Interpreted;
            case Mnemonic.Pop:
                return instruction.Code is Code.Pop_r64 or Code.Pop_rm64 && instruction.Op0Kind == OpKind.Register
                    && instruction.Op0Register != Register.RSP ? NativeShape.Pop : NativeShape.Interpreted;
            case Mnemonic.Leave:
                return instruction.Code == Code.Leaveq ? NativeShape.Leave : NativeShape.Interpreted;
            case Mnemonic.Cmpxchg16b:
                return exchangesWide && IsReachable(instruction) ? NativeShape.WideExchange : NativeShape.Interpreted;
        }
        return IsItself(instruction) ? NativeShape.Itself : NativeVectors.Contains(instruction) && IsReachable(instruction) ? NativeShape.Vector
            : NativeShape.Interpreted;
    }

    /// <summary>Whether the instruction writes the memory operand, which is its first.</summary>
    public static bool Writes(in Instruction instruction)
        => instruction.Op0Kind == OpKind.Memory
            && instruction.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Bt or Mnemonic.Mul or Mnemonic.Imul or Mnemonic.Push
                or Mnemonic.Jmp or Mnemonic.Call);

    /// <summary>Whether the first operand, a register, is written; and whether all of it is, whatever it was.</summary>
    public static bool WritesFirst(in Instruction instruction, out bool whole)
    {
        whole = Registers.SizeOf(instruction.Op0Register) >= 4 && instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx
            or Mnemonic.Movsxd or Mnemonic.Lea;
        return instruction.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Bt or Mnemonic.Mul)
            && !(instruction.Mnemonic == Mnemonic.Imul && instruction.OpCount == 1);
    }

    /// <summary>Whether an operand beyond the first is written, too.</summary>
    public static bool WritesSecond(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Xchg or Mnemonic.Xadd;

    /// <summary>Whether a memory operand that is no multiple of 16 faults.</summary>
    public static bool MustBeAligned(in Instruction instruction)
        => instruction.MemorySize.GetSize() == 16
            && instruction.Mnemonic is not (Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu or Mnemonic.Lddqu);

    /// <summary>Which operand is <c>cl</c> as the count of a shift, or -1.</summary>
    public static int ShiftCount(in Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr
            when instruction.Op1Kind == OpKind.Register => 1,
        Mnemonic.Shld or Mnemonic.Shrd when instruction.Op2Kind == OpKind.Register => 2,
        _ => -1,
    };

    /// <summary>Whether the memory operand, if there is one, has a 64-bit address.</summary>
    private static bool IsReachable(in Instruction instruction)
    {
        if (instruction.Op0Kind != OpKind.Memory && instruction.Op1Kind != OpKind.Memory && instruction.Op2Kind != OpKind.Memory)
            return true;
        Register origin = instruction.MemoryBase, index = instruction.MemoryIndex;
        return origin is Register.None or Register.RIP or (>= Register.RAX and <= Register.R15)
            && index is Register.None or (>= Register.RAX and <= Register.R15)
            && (origin != Register.None || index != Register.None || instruction.MemoryDisplSize == 8)
            && instruction.Code is not (Code.Mov_AL_moffs8 or Code.Mov_AX_moffs16 or Code.Mov_EAX_moffs32 or Code.Mov_RAX_moffs64
                or Code.Mov_moffs8_AL or Code.Mov_moffs16_AX or Code.Mov_moffs32_EAX or Code.Mov_moffs64_RAX);
    }

    private static bool IsItself(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            var kind = instruction.GetOpKind(i);
            if (kind == OpKind.Register ? !Registers.IsGeneral(instruction.GetOpRegister(i)) : kind > OpKind.Immediate32to64 && kind != OpKind.Memory)
                return false;
        }
        if (!IsReachable(instruction))
            return false;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Add or Mnemonic.Sub or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor
                or Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Adc or Mnemonic.Sbb or Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not
                or Mnemonic.Imul or Mnemonic.Mul or Mnemonic.Cdqe or Mnemonic.Cdq or Mnemonic.Cqo or Mnemonic.Cbw or Mnemonic.Cwde or Mnemonic.Cwd
                or Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr
                or Mnemonic.Shld or Mnemonic.Shrd or Mnemonic.Xchg or Mnemonic.Xadd or Mnemonic.Cmpxchg or Mnemonic.Bsf or Mnemonic.Bsr
                or Mnemonic.Clc or Mnemonic.Stc or Mnemonic.Cmc or Mnemonic.Lahf or Mnemonic.Sahf or Mnemonic.Lfence or Mnemonic.Mfence
                or Mnemonic.Sfence or Mnemonic.Movnti:
                return true;
            case Mnemonic.Bswap:
                return instruction.Code != Code.Bswap_r16;
            case Mnemonic.Movsxd:
                return instruction.Code == Code.Movsxd_r64_rm32;
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc:
                return instruction.Op0Kind == OpKind.Register || instruction.Op1Kind != OpKind.Register;
            case Mnemonic.Popcnt:
                return Popcnt.IsSupported;
            case Mnemonic.Lzcnt:
                return Lzcnt.IsSupported;
            case Mnemonic.Tzcnt or Mnemonic.Andn or Mnemonic.Blsi or Mnemonic.Blsr or Mnemonic.Blsmsk:
                return Bmi1.IsSupported;
            case Mnemonic.Bzhi or Mnemonic.Pdep or Mnemonic.Pext or Mnemonic.Rorx or Mnemonic.Shlx or Mnemonic.Shrx or Mnemonic.Sarx:
                return Bmi2.IsSupported;
            case Mnemonic.Crc32:
                return Sse42.IsSupported;
            default:
                return instruction.ConditionCode != ConditionCode.None && instruction.FlowControl == FlowControl.Next && instruction.OpCount is 1 or 2;
        }
    }
}
