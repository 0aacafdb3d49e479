using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>fadd</c>, <c>fsub</c>, <c>fmul</c>, <c>fdiv</c> in every form, and the arithmetic on the top of the stack.</summary>
// SAFETY: see X87Instruction.
internal static unsafe class X87Arithmetic
{
    public static bool Binary(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var target = 0;
        Unpacked source = default;
        bool full;
        if (record->Instruction.Op0Kind == OpKind.Memory)
        {
            if (!X87Memory.TryLoad(s, op, record, x.Float, out source))
                return false;
            full = x.IsFull(0);
        }
        else
        {
            target = record->Instruction.Op0Register - Register.ST0;
            var other = record->Instruction.Op1Register - Register.ST0;
            full = x.IsFull(target) & x.IsFull(other);
            source = x.Unit[other].Unpack();
        }
        var result = full
            ? X87Operations.Apply(OperationOf(record->Instruction.Mnemonic), ref x.Float, x.Unit[target].Unpack(), source, x.Unit.Precision)
            : Float80.Indefinite;
        if (x.Delivers)
        {
            x.Unit[target] = result;
            if (Pops(record->Instruction.Mnemonic))
                x.Unit.Pop();
        }
        return x.Complete();
    }

    public static bool SquareRoot(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var result = x.IsFull(0) ? X87Operations.SquareRoot(ref x.Float, x.Unit[0].Unpack(), x.Unit.Precision) : Float80.Indefinite;
        if (x.Delivers)
            x.Unit[0] = result;
        return x.Complete();
    }

    /// <summary><c>fchs</c>, <c>fabs</c>: of any encoding.</summary>
    public static bool Sign(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var result = !x.IsFull(0) ? Float80.Indefinite
            : record->Instruction.Mnemonic == Mnemonic.Fchs ? x.Unit[0].Negated : x.Unit[0].Absolute;
        if (x.Delivers)
            x.Unit[0] = result;
        return x.Complete();
    }

    private static X87Operation OperationOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Fadd or Mnemonic.Faddp or Mnemonic.Fiadd => X87Operation.Add,
        Mnemonic.Fmul or Mnemonic.Fmulp or Mnemonic.Fimul => X87Operation.Multiply,
        Mnemonic.Fsub or Mnemonic.Fsubp or Mnemonic.Fisub => X87Operation.Subtract,
        Mnemonic.Fsubr or Mnemonic.Fsubrp or Mnemonic.Fisubr => X87Operation.SubtractReversed,
        Mnemonic.Fdiv or Mnemonic.Fdivp or Mnemonic.Fidiv => X87Operation.Divide,
        _ => X87Operation.DivideReversed,
    };

    private static bool Pops(Mnemonic mnemonic)
        => mnemonic is Mnemonic.Faddp or Mnemonic.Fmulp or Mnemonic.Fsubp or Mnemonic.Fsubrp or Mnemonic.Fdivp or Mnemonic.Fdivrp;
}
