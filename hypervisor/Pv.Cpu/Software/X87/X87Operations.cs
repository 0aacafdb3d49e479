namespace Pv.Cpu.Software;

/// <summary>The two-operand arithmetic of x87.</summary>
internal enum X87Operation : byte
{
    Add,
    Multiply,
    Subtract,
    SubtractReversed,
    Divide,
    DivideReversed,
}

/// <summary>Arithmetic with x87's rules: its NaNs, its encodings that count as none, its precision control.</summary>
internal static class X87Operations
{
    public static Float80 Apply(X87Operation operation, ref FloatStatus status, in Unpacked a, in Unpacked b, int precision) => operation switch
    {
        X87Operation.Add => Sum(ref status, a, b, subtract: false, precision),
        X87Operation.Multiply => Multiply(ref status, a, b, precision),
        X87Operation.Subtract => Sum(ref status, a, b, subtract: true, precision),
        X87Operation.SubtractReversed => Sum(ref status, b, a, subtract: true, precision),
        X87Operation.Divide => Divide(ref status, a, b, precision),
        _ => Divide(ref status, b, a, precision),
    };

    public static Float80 SquareRoot(ref FloatStatus status, in Unpacked a, int precision)
    {
        if (a.Class >= FloatClass.QuietNan)
            return Nan(ref status, a, a);
        if (a.IsZero)
            return Float80.Zero(a.Negative);
        if (a.Negative)
            return Invalid(ref status);
        if (a.IsInfinity)
            return Float80.Infinity(negative: false);
        return NotesDenormals(ref status, a, a) ? Float80.Pack(ref status, ExactArithmetic.SquareRoot(a), precision) : default;
    }

    /// <summary>
    /// The result when an operand is NaN or unsupported: of two NaNs the quiet one, else that of the larger significand, else the positive.
    /// </summary>
    public static Float80 Nan(ref FloatStatus status, in Unpacked a, in Unpacked b)
    {
        if (a.Class == FloatClass.Unsupported || b.Class == FloatClass.Unsupported)
            return Invalid(ref status);
        bool aSignals = a.Class == FloatClass.SignalingNan, bSignals = b.Class == FloatClass.SignalingNan;
        if (aSignals || bSignals)
            status.Raise(FloatExceptions.Invalid);
        if (!a.IsNan)
            return Float80.Nan(b);
        if (!b.IsNan)
            return Float80.Nan(a);
        if (aSignals != bSignals)
            return Float80.Nan(aSignals ? b : a);
        if (a.Significand != b.Significand)
            return Float80.Nan(a.Significand > b.Significand ? a : b);
        return Float80.Nan(a.Negative ? b : a);
    }

    public static Float80 Invalid(ref FloatStatus status)
    {
        status.Raise(FloatExceptions.Invalid);
        return Float80.Indefinite;
    }

    /// <summary>Raises the denormal-operand exception where due. False when it is unmasked: there is no result then.</summary>
    public static bool NotesDenormals(ref FloatStatus status, in Unpacked a, in Unpacked b)
    {
        if (!a.IsDenormal && !b.IsDenormal)
            return true;
        status.Raise(FloatExceptions.Denormal);
        return !status.IsUnmasked(FloatExceptions.Denormal);
    }

    private static Float80 Sum(ref FloatStatus status, in Unpacked a, in Unpacked b, bool subtract, int precision)
    {
        if (a.Class >= FloatClass.QuietNan || b.Class >= FloatClass.QuietNan)
            return Nan(ref status, a, b);
        var negative = b.Negative ^ subtract;
        if (a.IsInfinity && b.IsInfinity && a.Negative != negative)
            return Invalid(ref status);
        if (!NotesDenormals(ref status, a, b))
            return default;
        if (a.IsInfinity || b.IsInfinity)
            return Float80.Infinity(a.IsInfinity ? a.Negative : negative);
        if (a.IsZero && b.IsZero)
            return Float80.Zero(a.Negative == negative ? negative : status.Rounding == RoundingMode.Down);
        if (a.IsZero || b.IsZero)
        {
            var sum = WideFloat.Of(a.IsZero ? b : a);
            sum.Negative = a.IsZero ? negative : a.Negative;
            return Float80.Pack(ref status, sum, precision);
        }
        var exact = ExactArithmetic.Add(a, b, subtract);
        return exact.IsZero ? Float80.Zero(status.Rounding == RoundingMode.Down) : Float80.Pack(ref status, exact, precision);
    }

    private static Float80 Multiply(ref FloatStatus status, in Unpacked a, in Unpacked b, int precision)
    {
        if (a.Class >= FloatClass.QuietNan || b.Class >= FloatClass.QuietNan)
            return Nan(ref status, a, b);
        var negative = a.Negative ^ b.Negative;
        if ((a.IsInfinity && b.IsZero) || (a.IsZero && b.IsInfinity))
            return Invalid(ref status);
        if (!NotesDenormals(ref status, a, b))
            return default;
        if (a.IsInfinity || b.IsInfinity)
            return Float80.Infinity(negative);
        if (a.IsZero || b.IsZero)
            return Float80.Zero(negative);
        return Float80.Pack(ref status, ExactArithmetic.Multiply(a, b), precision);
    }

    private static Float80 Divide(ref FloatStatus status, in Unpacked a, in Unpacked b, int precision)
    {
        if (a.Class >= FloatClass.QuietNan || b.Class >= FloatClass.QuietNan)
            return Nan(ref status, a, b);
        var negative = a.Negative ^ b.Negative;
        if ((a.IsInfinity && b.IsInfinity) || (a.IsZero && b.IsZero))
            return Invalid(ref status);
        if (b.IsZero)
        {
            if (!a.IsInfinity)
                status.Raise(FloatExceptions.DivideByZero);
            return Float80.Infinity(negative);
        }
        if (!NotesDenormals(ref status, a, b))
            return default;
        if (a.IsInfinity)
            return Float80.Infinity(negative);
        if (a.IsZero || b.IsInfinity)
            return Float80.Zero(negative);
        return Float80.Pack(ref status, ExactArithmetic.Divide(a, b), precision);
    }
}
