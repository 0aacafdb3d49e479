namespace Pv.Cpu.Software;

/// <summary>
/// What SSE instructions do in one lane: IEEE 754 with SSE's rules for NaNs. Operands and results are encodings; the first operand is the
/// destination's old value.
/// </summary>
/// <remarks>Exceptions are raised in the status; whether one is unmasked is looked at by who owns the lanes.</remarks>
internal static class FloatArithmetic
{
    public static ulong Add<TFormat>(ref FloatStatus status, ulong a, ulong b)
        where TFormat : struct, IFloatFormat
        => Sum<TFormat>(ref status, a, b, subtract: false);

    public static ulong Subtract<TFormat>(ref FloatStatus status, ulong a, ulong b)
        where TFormat : struct, IFloatFormat
        => Sum<TFormat>(ref status, a, b, subtract: true);

    public static ulong Multiply<TFormat>(ref FloatStatus status, ulong a, ulong b)
        where TFormat : struct, IFloatFormat
    {
        Unpacked x = Unpacked.Of<TFormat>(status, a), y = Unpacked.Of<TFormat>(status, b);
        if (x.IsNan || y.IsNan)
            return Nan<TFormat>(ref status, x, y);
        var negative = x.Negative ^ y.Negative;
        if ((x.IsInfinity && y.IsZero) || (x.IsZero && y.IsInfinity))
            return Invalid<TFormat>(ref status);
        NoteDenormals(ref status, x, y);
        if (x.IsInfinity || y.IsInfinity)
            return Packing.Infinity<TFormat>(negative);
        if (x.IsZero || y.IsZero)
            return Packing.Zero<TFormat>(negative);
        return Packing.Pack<TFormat>(ref status, ExactArithmetic.Multiply(x, y));
    }

    public static ulong Divide<TFormat>(ref FloatStatus status, ulong a, ulong b)
        where TFormat : struct, IFloatFormat
    {
        Unpacked x = Unpacked.Of<TFormat>(status, a), y = Unpacked.Of<TFormat>(status, b);
        if (x.IsNan || y.IsNan)
            return Nan<TFormat>(ref status, x, y);
        var negative = x.Negative ^ y.Negative;
        if ((x.IsInfinity && y.IsInfinity) || (x.IsZero && y.IsZero))
            return Invalid<TFormat>(ref status);
        if (y.IsZero)
        {
            // A denormal dividend is not reported then; an infinite one has an exact quotient.
            if (!x.IsInfinity)
                status.Raise(FloatExceptions.DivideByZero);
            return Packing.Infinity<TFormat>(negative);
        }
        NoteDenormals(ref status, x, y);
        if (x.IsInfinity)
            return Packing.Infinity<TFormat>(negative);
        if (x.IsZero || y.IsInfinity)
            return Packing.Zero<TFormat>(negative);
        return Packing.Pack<TFormat>(ref status, ExactArithmetic.Divide(x, y));
    }

    public static ulong SquareRoot<TFormat>(ref FloatStatus status, ulong a)
        where TFormat : struct, IFloatFormat
    {
        var x = Unpacked.Of<TFormat>(status, a);
        if (x.IsNan)
            return Nan<TFormat>(ref status, x, x);
        if (x.IsZero)
            return Packing.Zero<TFormat>(x.Negative);
        if (x.Negative)
            return Invalid<TFormat>(ref status);
        if (x.IsInfinity)
            return Packing.Infinity<TFormat>(negative: false);
        NoteDenormals(ref status, x, x);
        return Packing.Pack<TFormat>(ref status, ExactArithmetic.SquareRoot(x));
    }

    /// <summary><c>min</c>: the second operand where either is a NaN or both are zeros; any NaN is invalid.</summary>
    public static ulong Minimum<TFormat>(ref FloatStatus status, ulong a, ulong b)
        where TFormat : struct, IFloatFormat
        => FloatComparison.Compare<TFormat>(ref status, a, b, quiet: false) == FloatOrder.Less ? Daz<TFormat>(status, a) : Daz<TFormat>(status, b);

    /// <summary><c>max</c>: as <see cref="Minimum"/>.</summary>
    public static ulong Maximum<TFormat>(ref FloatStatus status, ulong a, ulong b)
        where TFormat : struct, IFloatFormat
        => FloatComparison.Compare<TFormat>(ref status, a, b, quiet: false) == FloatOrder.Greater ? Daz<TFormat>(status, a) : Daz<TFormat>(status, b);

    /// <summary>The operand as denormals-are-zero sees it.</summary>
    private static ulong Daz<TFormat>(in FloatStatus status, ulong bits)
        where TFormat : struct, IFloatFormat
    {
        var sign = Packing.Zero<TFormat>(negative: true);
        return status.DenormalsAreZero && (bits & Packing.Infinity<TFormat>(negative: false)) == 0 ? bits & sign : bits;
    }

    private static ulong Sum<TFormat>(ref FloatStatus status, ulong a, ulong b, bool subtract)
        where TFormat : struct, IFloatFormat
    {
        Unpacked x = Unpacked.Of<TFormat>(status, a), y = Unpacked.Of<TFormat>(status, b);
        if (x.IsNan || y.IsNan)
            return Nan<TFormat>(ref status, x, y);
        var negative = y.Negative ^ subtract;
        if (x.IsInfinity && y.IsInfinity && x.Negative != negative)
            return Invalid<TFormat>(ref status);
        NoteDenormals(ref status, x, y);
        if (x.IsInfinity || y.IsInfinity)
            return Packing.Infinity<TFormat>(x.IsInfinity ? x.Negative : negative);
        if (x.IsZero && y.IsZero)
            return Packing.Zero<TFormat>(x.Negative == negative ? negative : status.Rounding == RoundingMode.Down);
        if (x.IsZero)
        {
            y.Negative = negative;
            return Packing.Pack<TFormat>(ref status, WideFloat.Of(y));
        }
        if (y.IsZero)
            return Packing.Pack<TFormat>(ref status, WideFloat.Of(x));
        var sum = ExactArithmetic.Add(x, y, subtract);
        if (sum.IsZero)
            return Packing.Zero<TFormat>(status.Rounding == RoundingMode.Down);
        return Packing.Pack<TFormat>(ref status, sum);
    }

    /// <summary>The first NaN, quiet; invalid when any signals.</summary>
    private static ulong Nan<TFormat>(ref FloatStatus status, in Unpacked x, in Unpacked y)
        where TFormat : struct, IFloatFormat
    {
        if (x.Class == FloatClass.SignalingNan || y.Class == FloatClass.SignalingNan)
            status.Raise(FloatExceptions.Invalid);
        return Packing.Nan<TFormat>(x.IsNan ? x : y);
    }

    private static ulong Invalid<TFormat>(ref FloatStatus status)
        where TFormat : struct, IFloatFormat
    {
        status.Raise(FloatExceptions.Invalid);
        return Packing.Indefinite<TFormat>();
    }

    private static void NoteDenormals(ref FloatStatus status, in Unpacked x, in Unpacked y)
    {
        if (x.IsDenormal || y.IsDenormal)
            status.Raise(FloatExceptions.Denormal);
    }
}
