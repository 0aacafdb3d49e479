using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Chooses the general layer's method for an instruction.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe partial class GeneralChoice
{
    public static delegate*<CpuState*, Op*, GeneralRecord*, bool> Of(in Instruction instruction)
    {
        var chosen = OfArithmetic(instruction);
        if (chosen == null)
            chosen = OfBits(instruction);
        if (chosen == null)
            chosen = OfStack(instruction);
        if (chosen == null)
            chosen = OfSystem(instruction);
        if (chosen == null)
            chosen = OfVectors(instruction);
        if (chosen == null)
            chosen = OfMmx(instruction);
        if (chosen == null)
            chosen = OfX87(instruction);
        if (chosen == null)
            chosen = OfState(instruction);
        if (chosen == null)
            chosen = &Unsupported;
        return chosen;
    }

    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfArithmetic(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Add:
                return &Arithmetic.Alu<AddOperation>;
            case Mnemonic.Sub:
                return &Arithmetic.Alu<SubOperation>;
            case Mnemonic.Cmp:
                return &Arithmetic.Compare<CompareOperation>;
            case Mnemonic.And:
                return &Arithmetic.Alu<AndOperation>;
            case Mnemonic.Test:
                return &Arithmetic.Compare<TestOperation>;
            case Mnemonic.Or:
                return &Arithmetic.Alu<OrOperation>;
            case Mnemonic.Xor:
                return &Arithmetic.Alu<XorOperation>;
            case Mnemonic.Adc:
                return &Arithmetic.Alu<AddCarryOperation>;
            case Mnemonic.Sbb:
                return &Arithmetic.Alu<SubBorrowOperation>;
            case Mnemonic.Inc:
                return &Arithmetic.Inc;
            case Mnemonic.Dec:
                return &Arithmetic.Dec;
            case Mnemonic.Neg:
                return &Arithmetic.Neg;
            case Mnemonic.Not:
                return &Arithmetic.Not;
            case Mnemonic.Mul:
                return &Arithmetic.MultiplyUnsigned;
            case Mnemonic.Imul:
                return &Arithmetic.MultiplySigned;
            case Mnemonic.Div:
                return &Arithmetic.DivideUnsigned;
            case Mnemonic.Idiv:
                return &Arithmetic.DivideSigned;
            case Mnemonic.Xchg:
                return &Arithmetic.Exchange;
            case Mnemonic.Xadd:
                return &Arithmetic.ExchangeAdd;
            case Mnemonic.Cmpxchg:
                return &Arithmetic.CompareExchange;
            case Mnemonic.Cmpxchg8b:
                return &WideExchange.Eight;
            case Mnemonic.Cmpxchg16b:
                return &WideExchange.Sixteen;
            case Mnemonic.Shl or Mnemonic.Sal:
                return &ShiftInstructions.Shift<ShiftLeft>;
            case Mnemonic.Shr:
                return &ShiftInstructions.Shift<ShiftRight>;
            case Mnemonic.Sar:
                return &ShiftInstructions.Shift<ShiftArithmetic>;
            case Mnemonic.Rol:
                return &ShiftInstructions.Shift<RotateLeft>;
            case Mnemonic.Ror:
                return &ShiftInstructions.Shift<RotateRight>;
            case Mnemonic.Rcl:
                return &ShiftInstructions.RotateCarryLeft;
            case Mnemonic.Rcr:
                return &ShiftInstructions.RotateCarryRight;
            case Mnemonic.Shld:
                return &ShiftInstructions.DoubleLeft;
            case Mnemonic.Shrd:
                return &ShiftInstructions.DoubleRight;
            default:
                return null;
        }
    }

    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfBits(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Bt:
                return &BitInstructions.Bt;
            case Mnemonic.Bts:
                return &BitInstructions.Bts;
            case Mnemonic.Btr:
                return &BitInstructions.Btr;
            case Mnemonic.Btc:
                return &BitInstructions.Btc;
            case Mnemonic.Bsf:
                return &BitInstructions.ScanForward;
            case Mnemonic.Bsr:
                return &BitInstructions.ScanReverse;
            case Mnemonic.Tzcnt:
                return &BitInstructions.CountTrailing;
            case Mnemonic.Lzcnt:
                return &BitInstructions.CountLeading;
            case Mnemonic.Popcnt:
                return &BitInstructions.Population;
            case Mnemonic.Bswap:
                return &BitInstructions.Swap;
            case Mnemonic.Movbe:
                return &BitInstructions.MoveSwapped;
            case Mnemonic.Crc32:
                return &BitInstructions.Crc32;
            case Mnemonic.Andn:
                return &BitInstructions.AndNot;
            case Mnemonic.Blsi:
                return &BitInstructions.LowestSet;
            case Mnemonic.Blsmsk:
                return &BitInstructions.MaskToLowest;
            case Mnemonic.Blsr:
                return &BitInstructions.ResetLowest;
            case Mnemonic.Bzhi:
                return &BitInstructions.ZeroHigh;
            case Mnemonic.Bextr when instruction.Op2Kind == OpKind.Register:
                return &BitInstructions.Extract;
            case Mnemonic.Pdep:
                return &BitInstructions.Deposit;
            case Mnemonic.Pext:
                return &BitInstructions.Gather;
            case Mnemonic.Mulx:
                return &BitInstructions.MultiplyWide;
            case Mnemonic.Rorx:
                return &BitInstructions.RotateRightTo;
            case Mnemonic.Shlx:
                return &BitInstructions.ShiftLeftTo;
            case Mnemonic.Shrx:
                return &BitInstructions.ShiftRightTo;
            case Mnemonic.Sarx:
                return &BitInstructions.ShiftArithmeticTo;
            case Mnemonic.Adcx:
                return &BitInstructions.AddCarryOnly;
            case Mnemonic.Adox:
                return &BitInstructions.AddOverflowOnly;
            default:
                return null;
        }
    }

    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfStack(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Push:
                return &StackInstructions.Push;
            case Mnemonic.Pop:
                return &StackInstructions.Pop;
            case Mnemonic.Pushf or Mnemonic.Pushfq:
                return &StackInstructions.PushFlags;
            case Mnemonic.Popf or Mnemonic.Popfq:
                return &StackInstructions.PopFlags;
            case Mnemonic.Leave:
                return &StackInstructions.Leave;
            case Mnemonic.Enter:
                return &StackInstructions.Enter;
            case Mnemonic.Call when instruction.Code == Code.Call_rm64:
                return &StackInstructions.CallNear;
            case Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne:
                return &StackInstructions.Loop;
            case Mnemonic.Jrcxz or Mnemonic.Jecxz:
                return &StackInstructions.JumpOnZero;
            case Mnemonic.Retf:
                return &SegmentInstructions.ReturnFar;
            case Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq:
                return &SegmentInstructions.InterruptReturn;
            case Mnemonic.Jmp when instruction.Code is Code.Jmp_m1616 or Code.Jmp_m1632 or Code.Jmp_m1664:
            case Mnemonic.Call when instruction.Code is Code.Call_m1616 or Code.Call_m1632 or Code.Call_m1664:
                return &SegmentInstructions.Far;
            case Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs:
                return &SegmentInstructions.LoadFarPointer;
            case Mnemonic.Verr or Mnemonic.Verw or Mnemonic.Lar or Mnemonic.Lsl:
                return &SegmentInstructions.Ask;
            case Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsq:
            case Mnemonic.Movsd when instruction.Code == Code.Movsd_m32_m32:
                return &StringInstructions.Movs;
            case Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd or Mnemonic.Stosq:
                return &StringInstructions.Stos;
            case Mnemonic.Lodsb or Mnemonic.Lodsw or Mnemonic.Lodsd or Mnemonic.Lodsq:
                return &StringInstructions.Lods;
            case Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsq:
            case Mnemonic.Cmpsd when instruction.Code == Code.Cmpsd_m32_m32:
                return &StringInstructions.Cmps;
            case Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq:
                return &StringInstructions.Scas;
            default:
                return null;
        }
    }

    private static bool Unsupported(CpuState* s, Op* op, GeneralRecord* record)
    {
        SoftwareVcpu.Of(s).ReportUnsupported($"{record->Instruction.Code} at 0x{Core.RipOf(op):x}");
        return Core.Fault(s, op, ExceptionVector.InvalidOpcode);
    }
}
