namespace Pv.Cpu.Software;

/// <summary>How one number stands to another.</summary>
internal enum FloatOrder : byte
{
    Equal,
    Less,
    Greater,
    Unordered,
}

/// <summary>Comparison, of encodings and of what was taken apart.</summary>
internal static class FloatComparison
{
    /// <summary>
    /// Compares two encodings. <paramref name="quiet"/>: only a signaling NaN is invalid (<c>ucomis</c> and half of the predicates of
    /// <c>cmpps</c>); else any NaN is (<c>comis</c>, the other half, <c>min</c> and <c>max</c>).
    /// </summary>
    public static FloatOrder Compare<TFormat>(ref FloatStatus status, ulong a, ulong b, bool quiet)
        where TFormat : struct, IFloatFormat
        => Compare(ref status, Unpacked.Of<TFormat>(status, a), Unpacked.Of<TFormat>(status, b), quiet);

    public static FloatOrder Compare(ref FloatStatus status, in Unpacked x, in Unpacked y, bool quiet)
    {
        if (x.Class >= FloatClass.QuietNan || y.Class >= FloatClass.QuietNan)
        {
            if (!quiet || x.Class >= FloatClass.SignalingNan || y.Class >= FloatClass.SignalingNan)
                status.Raise(FloatExceptions.Invalid);
            return FloatOrder.Unordered;
        }
        if (x.IsDenormal || y.IsDenormal)
            status.Raise(FloatExceptions.Denormal);
        return Order(x, y);
    }

    /// <summary>The order of two that are neither NaN nor unsupported.</summary>
    private static FloatOrder Order(in Unpacked x, in Unpacked y)
    {
        if (x.IsZero && y.IsZero)
            return FloatOrder.Equal;
        if (x.IsZero)
            return y.Negative ? FloatOrder.Greater : FloatOrder.Less;
        if (y.IsZero || x.Negative != y.Negative)
            return x.Negative ? FloatOrder.Less : FloatOrder.Greater;
        var magnitude = Magnitude(x).CompareTo(Magnitude(y));
        if (magnitude == 0)
            magnitude = x.Significand.CompareTo(y.Significand);
        if (magnitude == 0)
            return FloatOrder.Equal;
        return magnitude > 0 != x.Negative ? FloatOrder.Greater : FloatOrder.Less;
    }

    private static int Magnitude(in Unpacked value) => value.IsInfinity ? int.MaxValue : value.Exponent;
}
