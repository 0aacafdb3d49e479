using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>fcom</c>, <c>fucom</c>, <c>fcomi</c> and their kin, <c>ftst</c>, <c>fxam</c>.</summary>
// SAFETY: see X87Instruction.
internal static unsafe class X87Comparison
{
    private const int AllOfOrder = X87Status.C0 | X87Status.C2 | X87Status.C3;

    public static bool Compare(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var mnemonic = record->Instruction.Mnemonic;
        Unpacked other;
        bool full;
        if (record->Instruction.OpCount > 0 && record->Instruction.Op0Kind == OpKind.Memory)
        {
            if (!X87Memory.TryLoad(s, op, record, x.Float, out other))
                return false;
            full = x.IsFull(0);
        }
        else if (mnemonic == Mnemonic.Ftst)
        {
            other = Unpacked.Zero(negative: false);
            full = x.IsFull(0);
        }
        else
        {
            var source = mnemonic is Mnemonic.Fcompp or Mnemonic.Fucompp ? 1 : record->Instruction.Op1Register - Register.ST0;
            full = x.IsFull(0) & x.IsFull(source);
            other = x.Unit[source].Unpack();
        }
        var order = full ? FloatComparison.Compare(ref x.Float, x.Unit[0].Unpack(), other, IsQuiet(mnemonic)) : FloatOrder.Unordered;
        if (SetsFlags(mnemonic))
        {
            x.KeepC1();
            Flags.SetExplicit(s, FlagsOf(order));
        }
        else
        {
            x.SetConditions(AllOfOrder, ConditionsOf(order));
        }
        if (x.Delivers)
            for (var pops = Pops(mnemonic); pops > 0; pops--)
                x.Unit.Pop();
        return x.Complete();
    }

    /// <summary><c>fxam</c>: what ST(0) holds, empty or not.</summary>
    public static bool Examine(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var value = x.Unit[0].Unpack();
        var kind = x.Unit.IsEmpty(0) ? X87Status.C3 | X87Status.C0 : value.Class switch
        {
            FloatClass.Unsupported => 0,
            FloatClass.QuietNan or FloatClass.SignalingNan => X87Status.C0,
            FloatClass.Infinity => X87Status.C2 | X87Status.C0,
            FloatClass.Zero => X87Status.C3,
            _ => value.IsDenormal ? X87Status.C3 | X87Status.C2 : X87Status.C2,
        };
        x.SetConditions(X87Status.Conditions, kind | (value.Negative ? X87Status.C1 : 0));
        return x.Complete();
    }

    private static int ConditionsOf(FloatOrder order) => order switch
    {
        FloatOrder.Greater => 0,
        FloatOrder.Less => X87Status.C0,
        FloatOrder.Equal => X87Status.C3,
        _ => AllOfOrder,
    };

    private static uint FlagsOf(FloatOrder order) => order switch
    {
        FloatOrder.Greater => 0,
        FloatOrder.Less => Flags.Carry,
        FloatOrder.Equal => Flags.Zero,
        _ => Flags.Zero | Flags.Parity | Flags.Carry,
    };

    private static bool IsQuiet(Mnemonic mnemonic)
        => mnemonic is Mnemonic.Fucom or Mnemonic.Fucomp or Mnemonic.Fucompp or Mnemonic.Fucomi or Mnemonic.Fucomip;

    private static bool SetsFlags(Mnemonic mnemonic) => mnemonic is Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip;

    private static int Pops(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Fcomp or Mnemonic.Ficomp or Mnemonic.Fucomp or Mnemonic.Fcomip or Mnemonic.Fucomip => 1,
        Mnemonic.Fcompp or Mnemonic.Fucompp => 2,
        _ => 0,
    };
}
