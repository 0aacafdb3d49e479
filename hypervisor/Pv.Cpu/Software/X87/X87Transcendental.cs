using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>fsin</c>, <c>fcos</c>, <c>fsincos</c>, <c>fptan</c>, <c>f2xm1</c>, <c>fpatan</c>, <c>fyl2x</c>, <c>fyl2xp1</c>.</summary>
/// <remarks>The control word's precision does not matter to them, its rounding mode does.</remarks>
// SAFETY: see X87Instruction.
internal static unsafe class X87Transcendental
{
    /// <summary>Arguments of trigonometric functions must be below 2^63; others stay, with C2 set.</summary>
    private const int TooLarge = 63;

    public static bool Trigonometric(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var mnemonic = record->Instruction.Mnemonic;
        var pushes = mnemonic is Mnemonic.Fsincos or Mnemonic.Fptan;
        Float80 first = Float80.Indefinite, second = Float80.Indefinite;
        if (x.IsFull(0) && (!pushes || x.HasRoom()))
        {
            var value = x.Unit[0].Unpack();
            if (value.Class == FloatClass.Finite && value.Exponent >= TooLarge)
            {
                x.SetConditions(X87Status.C2, X87Status.C2);
                return x.Complete();
            }
            (first, second) = Trigonometric(ref x.Float, mnemonic, value);
        }
        x.SetConditions(X87Status.C2, 0);
        if (x.Delivers)
        {
            x.Unit[0] = first;
            if (pushes)
                x.Unit.Push(second);
        }
        return x.Complete();
    }

    private static (Float80 First, Float80 Second) Trigonometric(ref FloatStatus status, Mnemonic mnemonic, in Unpacked value)
    {
        var one = Float80.Of(Unpacked.OfInteger(1));
        if (value.Class >= FloatClass.QuietNan)
        {
            var nan = X87Operations.Nan(ref status, value, value);
            return (nan, nan);
        }
        if (value.IsInfinity)
        {
            var invalid = X87Operations.Invalid(ref status);
            return (invalid, invalid);
        }
        if (value.IsZero)
            return (mnemonic == Mnemonic.Fcos ? one : Float80.Zero(value.Negative), one);
        if (!X87Operations.NotesDenormals(ref status, value, value))
            return default;
        var (sine, cosine) = Transcendentals.SineAndCosine(value);
        switch (mnemonic)
        {
            case Mnemonic.Fsin:
                return (Pack(ref status, sine), default);
            case Mnemonic.Fcos:
                return (Pack(ref status, cosine), default);
            case Mnemonic.Fptan:
                var tangent = WideArithmetic.Divide(sine, cosine);
                // Never exact: near zero it is a little more than its argument.
                tangent.Low |= 1;
                return (Pack(ref status, tangent), one);
            default:
                // C1 is that of what is pushed last.
                return (Pack(ref status, sine), Pack(ref status, cosine));
        }
    }

    /// <summary><c>f2xm1</c>.</summary>
    public static bool PowerLessOne(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var result = x.IsFull(0) ? PowerLessOne(ref x.Float, x.Unit[0]) : Float80.Indefinite;
        if (x.Delivers)
            x.Unit[0] = result;
        return x.Complete();
    }

    private static Float80 PowerLessOne(ref FloatStatus status, Float80 encoding)
    {
        var value = encoding.Unpack();
        if (value.Class >= FloatClass.QuietNan)
            return X87Operations.Nan(ref status, value, value);
        if (value.IsZero)
            return encoding;
        if (value.IsInfinity)
            return value.Negative ? Float80.Of(Unpacked.OfInteger(-1)) : encoding;
        if (!X87Operations.NotesDenormals(ref status, value, value))
            return default;
        if (value.Exponent >= 0)
        {
            // Beyond 1 the manuals define nothing; 1 itself has exact results.
            if (value.Exponent > 0 || value.Significand != Unpacked.LeadingBit)
                return encoding;
            var half = Unpacked.OfInteger(-1);
            half.Exponent = -1;
            return value.Negative ? Float80.Of(half) : encoding;
        }
        return Pack(ref status, Transcendentals.PowerLessOne(value));
    }

    /// <summary><c>fpatan</c>, <c>fyl2x</c>, <c>fyl2xp1</c>: the result takes the place of ST(1), ST(0) is popped.</summary>
    public static bool OfTwo(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var result = Float80.Indefinite;
        if (x.IsFull(0) & x.IsFull(1))
        {
            Unpacked top = x.Unit[0].Unpack(), next = x.Unit[1].Unpack();
            if (top.Class >= FloatClass.QuietNan || next.Class >= FloatClass.QuietNan)
                result = X87Operations.Nan(ref x.Float, next, top);
            else if (record->Instruction.Mnemonic == Mnemonic.Fpatan)
                result = ArcTangent(ref x.Float, next, top);
            else
                result = Logarithm(ref x.Float, next, top, plusOne: record->Instruction.Mnemonic == Mnemonic.Fyl2xp1);
        }
        if (x.Delivers)
        {
            x.Unit[1] = result;
            x.Unit.Pop();
        }
        return x.Complete();
    }

    private static Float80 ArcTangent(ref FloatStatus status, in Unpacked y, in Unpacked x)
    {
        if (!X87Operations.NotesDenormals(ref status, x, y))
            return default;
        if (!y.IsInfinity && !x.Negative && (y.IsZero || x.IsInfinity))
            return Float80.Zero(y.Negative);
        WideFloat angle;
        if (y.IsInfinity && x.IsInfinity)
            angle = Transcendentals.QuartersOfPi(x.Negative ? 3 : 1);
        else if (y.IsInfinity || (x.IsZero && !y.IsZero))
            angle = Transcendentals.QuartersOfPi(2);
        else if (y.IsZero || x.IsInfinity)
            angle = Transcendentals.QuartersOfPi(4);
        else
            angle = Transcendentals.Angle(y, x, left: x.Negative);
        angle.Negative = y.Negative;
        return Pack(ref status, angle);
    }

    /// <summary>y · log2(x), or y · log2(1 + x).</summary>
    private static Float80 Logarithm(ref FloatStatus status, in Unpacked y, in Unpacked x, bool plusOne)
    {
        if (!plusOne && x.Negative && !x.IsZero)
            return X87Operations.Invalid(ref status);
        if (plusOne && x.Negative && !x.IsZero && (x.IsInfinity || x.Exponent >= 0))
            return X87Operations.Invalid(ref status);
        // Where the logarithm is zero or infinite.
        if (!plusOne && x.IsZero)
        {
            if (y.IsZero)
                return X87Operations.Invalid(ref status);
            if (!y.IsInfinity)
                status.Raise(FloatExceptions.DivideByZero);
            return Float80.Infinity(!y.Negative);
        }
        var none = plusOne ? x.IsZero : x is { Class: FloatClass.Finite, Exponent: 0, Significand: Unpacked.LeadingBit };
        if ((x.IsInfinity && y.IsZero) || (none && y.IsInfinity))
            return X87Operations.Invalid(ref status);
        if (!X87Operations.NotesDenormals(ref status, x, y))
            return default;
        if (none)
            return Float80.Zero(y.Negative ^ x.Negative);
        var below = plusOne ? x.Negative : !x.IsInfinity && x.Exponent < 0;
        if (x.IsInfinity || y.IsInfinity)
            return Float80.Infinity(y.Negative ^ below);
        if (y.IsZero)
            return Float80.Zero(y.Negative ^ below);
        // Even of powers of 2, processors say so.
        status.Raise(FloatExceptions.Precision);
        var logarithm = plusOne ? Transcendentals.Log2OfOnePlus(x) : Transcendentals.Log2(x);
        return Pack(ref status, WideArithmetic.Multiply(logarithm, WideFloat.Of(y)));
    }

    private static Float80 Pack(ref FloatStatus status, in WideFloat value) => Float80.Pack(ref status, value, Float80.Precision);
}
