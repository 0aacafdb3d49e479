using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>What moves registers about: <c>fxch</c>, <c>fcmov</c>, <c>ffree</c>, <c>fincstp</c>, <c>fdecstp</c>.</summary>
// SAFETY: see X87Instruction.
internal static unsafe class X87Registers
{
    public static bool Exchange(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var other = record->Instruction.Op1Register - Register.ST0;
        var first = x.IsFull(0) ? x.Unit[0] : Float80.Indefinite;
        var second = x.IsFull(other) ? x.Unit[other] : Float80.Indefinite;
        if (x.Delivers)
        {
            x.Unit[0] = second;
            x.Unit[other] = first;
        }
        return x.Complete();
    }

    /// <summary><c>fcmov</c>: both registers must hold something, moved or not.</summary>
    public static bool MoveIf(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        x.KeepC1();
        var source = record->Instruction.Op1Register - Register.ST0;
        var full = x.IsFull(0) & x.IsFull(source);
        if (!full)
        {
            if (x.Delivers)
                x.Unit[0] = Float80.Indefinite;
        }
        else if (Holds(Flags.Get(s), record->Instruction.Mnemonic))
        {
            x.Unit[0] = x.Unit[source];
        }
        return x.Complete();
    }

    public static bool MoveStack(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        switch (record->Instruction.Mnemonic)
        {
            case Mnemonic.Fincstp:
                x.Unit.Top++;
                break;
            case Mnemonic.Fdecstp:
                x.Unit.Top--;
                break;
            case Mnemonic.Ffree or Mnemonic.Ffreep:
                x.Unit.Free(record->Instruction.Op0Register - Register.ST0);
                if (record->Instruction.Mnemonic == Mnemonic.Ffreep)
                    x.Unit.Pop();
                break;
            default:
                x.KeepC1();
                break;
        }
        return x.Complete();
    }

    private static bool Holds(uint flags, Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Fcmovb => (flags & Flags.Carry) != 0,
        Mnemonic.Fcmovnb => (flags & Flags.Carry) == 0,
        Mnemonic.Fcmove => (flags & Flags.Zero) != 0,
        Mnemonic.Fcmovne => (flags & Flags.Zero) == 0,
        Mnemonic.Fcmovbe => (flags & (Flags.Carry | Flags.Zero)) != 0,
        Mnemonic.Fcmovnbe => (flags & (Flags.Carry | Flags.Zero)) == 0,
        Mnemonic.Fcmovu => (flags & Flags.Parity) != 0,
        _ => (flags & Flags.Parity) == 0,
    };
}
