namespace Pv.Cpu.Software;

/// <summary>Conversions among formats and integers.</summary>
internal static class FloatConversion
{
    /// <summary>From one format to another (<c>cvtss2sd</c>, <c>cvtsd2ss</c>).</summary>
    public static ulong Convert<TFrom, TTo>(ref FloatStatus status, ulong bits)
        where TFrom : struct, IFloatFormat
        where TTo : struct, IFloatFormat
        => Pack<TTo>(ref status, Unpacked.Of<TFrom>(status, bits), noteDenormal: true);

    /// <summary>Encodes what was taken apart of any format.</summary>
    public static ulong Pack<TTo>(ref FloatStatus status, in Unpacked value, bool noteDenormal)
        where TTo : struct, IFloatFormat
    {
        switch (value.Class)
        {
            case FloatClass.Zero:
                return Packing.Zero<TTo>(value.Negative);
            case FloatClass.Infinity:
                return Packing.Infinity<TTo>(value.Negative);
            case FloatClass.SignalingNan:
                status.Raise(FloatExceptions.Invalid);
                return Packing.Nan<TTo>(value);
            case FloatClass.QuietNan:
                return Packing.Nan<TTo>(value);
            case FloatClass.Unsupported:
                status.Raise(FloatExceptions.Invalid);
                return Packing.Indefinite<TTo>();
            default:
                if (noteDenormal && value.IsDenormal)
                    status.Raise(FloatExceptions.Denormal);
                return Packing.Pack<TTo>(ref status, WideFloat.Of(value));
        }
    }

    /// <summary>An integer in a format (<c>cvtsi2ss</c>, <c>cvtdq2ps</c>).</summary>
    public static ulong FromInteger<TFormat>(ref FloatStatus status, long value)
        where TFormat : struct, IFloatFormat
        => Packing.Pack<TFormat>(ref status, WideFloat.Of(Unpacked.OfInteger(value)));

    /// <summary>
    /// A signed integer of some bits (<c>cvtss2si</c>; with <see cref="RoundingMode.TowardZero"/>, <c>cvttss2si</c>). What does not fit is
    /// invalid and gives the most negative integer. Denormals are not reported.
    /// </summary>
    public static long ToInteger<TFormat>(ref FloatStatus status, ulong bits, RoundingMode mode, int width)
        where TFormat : struct, IFloatFormat
        => ToInteger(ref status, Unpacked.Of<TFormat>(status, bits), mode, width);

    public static long ToInteger(ref FloatStatus status, in Unpacked value, RoundingMode mode, int width)
    {
        status.RoundedUp = false;
        var magnitude = 0ul;
        var inexact = false;
        var up = false;
        if (value.Class > FloatClass.Finite || !TryMagnitude(value, mode, out magnitude, out inexact, out up)
            || magnitude > (1ul << (width - 1)) - (value.Negative ? 0ul : 1))
        {
            status.Raise(FloatExceptions.Invalid);
            return long.MinValue >> (64 - width);
        }
        if (inexact)
            status.Raise(FloatExceptions.Precision);
        status.RoundedUp = up;
        return (long)(value.Negative ? 0 - magnitude : magnitude);
    }

    /// <summary>The magnitude of a zero or finite number rounded to an integer. False when it needs more than 64 bits.</summary>
    public static bool TryMagnitude(in Unpacked value, RoundingMode mode, out ulong magnitude, out bool inexact, out bool up)
    {
        magnitude = 0;
        inexact = up = false;
        if (value.IsZero)
            return true;
        if (value.Exponent > 63)
            return false;
        // The integer's bits in the upper word, the fraction in the lower.
        var wide = WideFloat.Of(value);
        wide.ShiftRight(63 - value.Exponent);
        magnitude = Rounding.Keep(wide.High, wide.Low, 64, mode, value.Negative, out inexact, out up);
        return !(up && magnitude == 0);
    }

    /// <summary>The nearest integer in the same format (<c>roundss</c>). Denormals are not reported.</summary>
    public static ulong RoundToIntegral<TFormat>(ref FloatStatus status, ulong bits, RoundingMode mode, bool reportInexact)
        where TFormat : struct, IFloatFormat
    {
        var value = Unpacked.Of<TFormat>(status, bits);
        if (value.Class != FloatClass.Finite)
            return Pack<TFormat>(ref status, value, noteDenormal: false);
        if (value.Exponent >= TFormat.Precision - 1)
            return bits;
        TryMagnitude(value, mode, out var magnitude, out var inexact, out _);
        if (inexact && reportInexact)
            status.Raise(FloatExceptions.Precision);
        return Packing.Pack<TFormat>(ref status, WideFloat.Of(Unpacked.OfMagnitude(value.Negative, magnitude)));
    }
}
