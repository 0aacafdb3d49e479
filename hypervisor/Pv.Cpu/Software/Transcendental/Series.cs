namespace Pv.Cpu.Software;

/// <summary>
/// The power series that transcendental functions are made of, in fixed point. Arguments are fractions of 2^128; results have
/// <see cref="One"/> for 1, so below 2.
/// </summary>
internal static class Series
{
    public static readonly UInt128 One = UInt128.One << 127;

    // How many terms it takes until one is below 2^-128, for the largest argument that callers have.
    private const uint SineTerms = 36, ExponentialTerms = 38, AtanhTerms = 28, AtanTerms = 18;

    /// <summary>sin(r) / r by r², for r up to π/4.</summary>
    public static UInt128 SineRatio(UInt128 square) => Alternating(square, SineTerms);

    /// <summary>cos(r) by r², for r up to π/4.</summary>
    public static UInt128 Cosine(UInt128 square) => Alternating(square, SineTerms - 1);

    /// <summary>(e^y − 1) / y by |y|, for |y| up to ln 2.</summary>
    public static UInt128 ExponentialRatio(UInt128 magnitude, bool negative)
    {
        var sum = One;
        for (var n = ExponentialTerms; n >= 2; n--)
        {
            var term = WideArithmetic.DivideSmall(WideArithmetic.MultiplyHigh(magnitude, sum), n);
            sum = negative ? One - term : One + term;
        }
        return sum;
    }

    /// <summary>atanh(s) / s by s², for s up to 0.172.</summary>
    public static UInt128 AtanhRatio(UInt128 square)
    {
        UInt128 sum = 0;
        for (var n = AtanhTerms; n <= AtanhTerms; n--)
            sum = WideArithmetic.DivideSmall(One, (2 * n) + 1) + WideArithmetic.MultiplyHigh(square, sum);
        return sum;
    }

    /// <summary>atan(u) / u by u², for u up to 1/16.</summary>
    public static UInt128 AtanRatio(UInt128 square)
    {
        UInt128 sum = 0;
        for (var n = AtanTerms; n <= AtanTerms; n--)
            sum = WideArithmetic.DivideSmall(One, (2 * n) + 1) - WideArithmetic.MultiplyHigh(square, sum);
        return sum;
    }

    private static UInt128 Alternating(UInt128 square, uint last)
    {
        var sum = One;
        for (var n = last; n <= last && n > 0; n -= 2)
            sum = One - WideArithmetic.DivideSmall(WideArithmetic.MultiplyHigh(square, sum), n * (n + 1));
        return sum;
    }
}
