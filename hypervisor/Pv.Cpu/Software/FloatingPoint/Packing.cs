namespace Pv.Cpu.Software;

/// <summary>Encodings of results in formats with a hidden bit.</summary>
internal static class Packing
{
    /// <summary>Rounds and encodes a number.</summary>
    public static ulong Pack<TFormat>(ref FloatStatus status, in WideFloat value)
        where TFormat : struct, IFloatFormat
    {
        var rounded = Rounding.Round(ref status, value, TFormat.Precision, 1 - TFormat.MaxExponent, TFormat.MaxExponent);
        return rounded.Class switch
        {
            FloatClass.Finite => Finite<TFormat>(rounded),
            FloatClass.Infinity => Infinity<TFormat>(rounded.Negative),
            _ => Zero<TFormat>(rounded.Negative),
        };
    }

    public static ulong Zero<TFormat>(bool negative)
        where TFormat : struct, IFloatFormat
        => negative ? 1ul << (TFormat.Width - 1) : 0;

    public static ulong Infinity<TFormat>(bool negative)
        where TFormat : struct, IFloatFormat
        => Zero<TFormat>(negative) | ((ulong)((2 * TFormat.MaxExponent) + 1) << (TFormat.Precision - 1));

    /// <summary>A NaN, made quiet; its payload loses what the format has no room for.</summary>
    public static ulong Nan<TFormat>(in Unpacked nan)
        where TFormat : struct, IFloatFormat
        => Infinity<TFormat>(nan.Negative) | (((nan.Significand | Unpacked.QuietBit) & ~Unpacked.LeadingBit) >> (64 - TFormat.Precision));

    public static ulong Indefinite<TFormat>()
        where TFormat : struct, IFloatFormat
        => Nan<TFormat>(Unpacked.Indefinite);

    private static ulong Finite<TFormat>(in RoundedFloat value)
        where TFormat : struct, IFloatFormat
    {
        var fraction = (value.Significand & ~Unpacked.LeadingBit) >> (64 - TFormat.Precision);
        var field = (value.Significand & Unpacked.LeadingBit) == 0 ? 0 : (ulong)(value.Exponent + TFormat.MaxExponent);
        return Zero<TFormat>(value.Negative) | (field << (TFormat.Precision - 1)) | fraction;
    }
}
