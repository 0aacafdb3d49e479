namespace Pv.Cpu.Software;

/// <summary><c>frndint</c>, <c>fscale</c>, <c>fxtract</c>.</summary>
// SAFETY: see X87Instruction.
internal static unsafe class X87Scaling
{
    /// <summary>Beyond this every scale is as far out of range as it can be.</summary>
    private const int LargestScale = 0x10000;

    public static bool RoundToIntegral(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var result = x.IsFull(0) ? Rounded(ref x.Float, x.Unit[0]) : Float80.Indefinite;
        if (x.Delivers)
            x.Unit[0] = result;
        return x.Complete();
    }

    private static Float80 Rounded(ref FloatStatus status, Float80 encoding)
    {
        var value = encoding.Unpack();
        if (value.Class >= FloatClass.QuietNan)
            return X87Operations.Nan(ref status, value, value);
        if (value.Class != FloatClass.Finite || value.Exponent >= Float80.Precision - 1)
            return encoding;
        if (!X87Operations.NotesDenormals(ref status, value, value))
            return default;
        FloatConversion.TryMagnitude(value, status.Rounding, out var magnitude, out var inexact, out var up);
        if (inexact)
            status.Raise(FloatExceptions.Precision);
        status.RoundedUp = up;
        return Float80.Of(Unpacked.OfMagnitude(value.Negative, magnitude));
    }

    public static bool Scale(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var full = x.IsFull(0) & x.IsFull(1);
        var result = full ? Scaled(ref x.Float, x.Unit[0].Unpack(), x.Unit[1].Unpack()) : Float80.Indefinite;
        if (x.Delivers)
            x.Unit[0] = result;
        return x.Complete();
    }

    private static Float80 Scaled(ref FloatStatus status, in Unpacked value, in Unpacked scale)
    {
        if (value.Class >= FloatClass.QuietNan || scale.Class >= FloatClass.QuietNan)
            return X87Operations.Nan(ref status, value, scale);
        if (scale.IsInfinity && (scale.Negative ? value.IsInfinity : value.IsZero))
            return X87Operations.Invalid(ref status);
        if (!X87Operations.NotesDenormals(ref status, value, scale))
            return default;
        if (value.IsInfinity || value.IsZero)
            return Float80.Of(value);
        if (scale.IsInfinity)
            return scale.Negative ? Float80.Zero(value.Negative) : Float80.Infinity(value.Negative);
        var scaled = WideFloat.Of(value);
        scaled.Exponent += Steps(scale);
        // Out of range by more than wrapping can mend: infinity or zero, whatever is unmasked.
        var wraps = status.Wraps;
        status.Wraps = false;
        if (scaled.Exponent - Rounding.Wrap > Float80.MaxExponent && status.IsUnmasked(FloatExceptions.Overflow))
        {
            status.Raise(FloatExceptions.Overflow | FloatExceptions.Precision);
            status.RoundedUp = true;
            return Float80.Infinity(value.Negative);
        }
        if (scaled.Exponent + Rounding.Wrap < Float80.MinExponent && status.IsUnmasked(FloatExceptions.Underflow))
        {
            status.Raise(FloatExceptions.Underflow | FloatExceptions.Precision);
            return Float80.Zero(value.Negative);
        }
        status.Wraps = wraps;
        return Float80.Pack(ref status, scaled, Float80.Precision);
    }

    private static int Steps(in Unpacked scale)
    {
        if (scale.IsZero || scale.Exponent < 0)
            return 0;
        var steps = scale.Exponent > 16 ? LargestScale : (int)Math.Min(scale.Significand >> (63 - scale.Exponent), LargestScale);
        return scale.Negative ? -steps : steps;
    }

    /// <summary><c>fxtract</c>: the exponent takes the operand's place, the significand is pushed.</summary>
    public static bool Extract(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        Float80 exponent, significand;
        if (x.IsFull(0) && x.HasRoom())
            (exponent, significand) = Parts(ref x.Float, x.Unit[0].Unpack());
        else
            exponent = significand = Float80.Indefinite;
        if (x.Delivers)
        {
            x.Unit[0] = exponent;
            x.Unit.Push(significand);
        }
        return x.Complete();
    }

    private static (Float80 Exponent, Float80 Significand) Parts(ref FloatStatus status, Unpacked value)
    {
        if (value.Class >= FloatClass.QuietNan)
        {
            var nan = X87Operations.Nan(ref status, value, value);
            return (nan, nan);
        }
        if (value.IsInfinity)
            return (Float80.Infinity(negative: false), Float80.Of(value));
        if (value.IsZero)
        {
            status.Raise(FloatExceptions.DivideByZero);
            return (Float80.Infinity(negative: true), Float80.Of(value));
        }
        X87Operations.NotesDenormals(ref status, value, value);
        var exponent = Float80.Of(Unpacked.OfInteger(value.Exponent));
        value.Exponent = 0;
        return (exponent, Float80.Of(value));
    }
}
