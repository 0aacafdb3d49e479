using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>fprem</c> and <c>fprem1</c>: exact remainders, in steps of at most 63 bits of the quotient.</summary>
// SAFETY: see X87Instruction.
internal static unsafe class X87Remainder
{
    public static bool Execute(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var result = Float80.Indefinite;
        x.SetConditions(X87Status.C2, 0);
        if (x.IsFull(0) & x.IsFull(1))
        {
            var toNearest = record->Instruction.Mnemonic == Mnemonic.Fprem1;
            result = Remainder(ref x.Float, x.Unit[0].Unpack(), x.Unit[1].Unpack(), toNearest, out var partial, out var quotient);
            if (partial)
                x.SetConditions(X87Status.Conditions, X87Status.C2);
            else if (quotient is { } bits)
                x.SetConditions(X87Status.Conditions, ConditionsOf(bits));
        }
        if (x.Delivers)
            x.Unit[0] = result;
        return x.Complete();
    }

    /// <summary>The last three bits of the quotient.</summary>
    private static int ConditionsOf(ulong quotient)
        => ((quotient & 4) != 0 ? X87Status.C0 : 0) | ((quotient & 2) != 0 ? X87Status.C3 : 0) | ((quotient & 1) != 0 ? X87Status.C1 : 0);

    /// <summary>Without a quotient when there is none: NaNs, invalid operations.</summary>
    private static Float80 Remainder(ref FloatStatus status, in Unpacked a, in Unpacked b, bool toNearest, out bool partial, out ulong? quotient)
    {
        partial = false;
        quotient = null;
        if (a.Class >= FloatClass.QuietNan || b.Class >= FloatClass.QuietNan)
            return X87Operations.Nan(ref status, a, b);
        if (a.IsInfinity || b.IsZero)
            return X87Operations.Invalid(ref status);
        if (!X87Operations.NotesDenormals(ref status, a, b))
            return default;
        quotient = 0;
        if (a.IsZero)
            return Float80.Zero(a.Negative);
        if (b.IsInfinity)
            return Float80.Pack(ref status, WideFloat.Of(a), Float80.Precision);

        var distance = a.Exponent - b.Exponent;
        if (distance < (toNearest ? -1 : 0))
            return Float80.Pack(ref status, WideFloat.Of(a), Float80.Precision);
        var steps = distance;
        if (distance >= 64)
        {
            // As processors do it: some 32 to 63 bits of the quotient, and the program comes again.
            partial = true;
            steps = (distance & 31) | 32;
        }
        var result = new WideFloat { Exponent = b.Exponent + distance - steps, Negative = a.Negative };
        if (steps < 0)
        {
            // Half of the divisor at most; what is beyond half goes to the other side.
            result.Exponent--;
            result.High = a.Significand;
            if (a.Significand > b.Significand)
            {
                quotient = 1;
                result = ExactArithmetic.Add(b, a, subtract: a.Negative == b.Negative);
                result.Negative = !a.Negative;
            }
            return Float80.Pack(ref status, result, Float80.Precision);
        }
        var whole = Divide(a.Significand, b.Significand, steps, out var remainder);
        if (!partial && toNearest && IsBeyondHalf(remainder, b.Significand, whole))
        {
            remainder = b.Significand - remainder;
            result.Negative = !result.Negative;
            whole++;
        }
        quotient = whole;
        result.High = remainder;
        result.Normalise();
        return Float80.Pack(ref status, result, Float80.Precision);
    }

    /// <summary>The low bits of the quotient of a · 2^steps by b, and the remainder.</summary>
    private static ulong Divide(ulong a, ulong b, int steps, out ulong remainder)
    {
        var first = a >= b ? 1ul : 0;
        remainder = a >= b ? a - b : a;
        if (steps == 0)
            return first;
        var low = WideDivision.Divide(remainder >> (64 - steps), remainder << steps, b, out remainder);
        return (first << steps) + low;
    }

    private static bool IsBeyondHalf(ulong remainder, ulong divisor, ulong quotient)
        => remainder > divisor - remainder || (remainder == divisor - remainder && (quotient & 1) != 0);
}
