namespace Pv.Cpu.Software;

/// <summary>A rounded result: a significand aligned to bit 63 and an exponent. A denormal's has bit 63 clear and the least exponent.</summary>
internal readonly record struct RoundedFloat(FloatClass Class, bool Negative, int Exponent, ulong Significand);

/// <summary>Rounding to a precision and a range of exponents, with the exceptions that come of it.</summary>
internal static class Rounding
{
    /// <summary>What an unmasked overflow or underflow of x87 arithmetic moves the exponent by.</summary>
    public const int Wrap = 24576;

    /// <summary>
    /// Rounds to <paramref name="precision"/> bits. Tininess is found after rounding, as x86 does. With overflow or underflow unmasked and
    /// nowhere to wrap to, the result means nothing: it is not delivered.
    /// </summary>
    public static RoundedFloat Round(ref FloatStatus status, in WideFloat value, int precision, int minExponent, int maxExponent)
    {
        status.RoundedUp = false;
        if (value.IsZero)
            return new RoundedFloat(FloatClass.Zero, value.Negative, 0, 0);
        var significand = Keep(value.High, value.Low, precision, status.Rounding, value.Negative, out var inexact, out var up);
        var exponent = value.Exponent;
        if (up && significand == 0)
        {
            significand = Unpacked.LeadingBit;
            exponent++;
        }
        if (exponent < minExponent)
        {
            if (!status.IsUnmasked(FloatExceptions.Underflow))
                return Tiny(ref status, value, precision, minExponent);
            status.Raise(FloatExceptions.Underflow);
            if (status.Wraps)
                exponent += Wrap;
        }
        else if (exponent > maxExponent)
        {
            status.Raise(FloatExceptions.Overflow);
            if (!status.IsUnmasked(FloatExceptions.Overflow))
                return TooLarge(ref status, value.Negative, precision, maxExponent);
            if (status.Wraps)
                exponent -= Wrap;
        }
        if (inexact)
            status.Raise(FloatExceptions.Precision);
        status.RoundedUp = up;
        return new RoundedFloat(FloatClass.Finite, value.Negative, exponent, significand);
    }

    /// <summary>
    /// The leading bits of a significand of 128. Zero with <paramref name="up"/> set: it was carried to the next power of two.
    /// </summary>
    public static ulong Keep(ulong high, ulong low, int bits, RoundingMode mode, bool negative, out bool inexact, out bool up)
    {
        var unit = 1ul << (64 - bits);
        var rest = high & (unit - 1);
        var kept = high - rest;
        up = false;
        inexact = (rest | low) != 0;
        if (!inexact)
            return kept;
        up = mode switch
        {
            RoundingMode.NearestEven => IsNearerAbove(rest, low, unit, (kept & unit) != 0),
            RoundingMode.Down => negative,
            RoundingMode.Up => !negative,
            _ => false,
        };
        return up ? kept + unit : kept;
    }

    private static bool IsNearerAbove(ulong rest, ulong low, ulong unit, bool odd)
    {
        if (unit == 1)
            return low > Unpacked.LeadingBit || (low == Unpacked.LeadingBit && odd);
        var half = unit >> 1;
        return rest > half || (rest == half && (low != 0 || odd));
    }

    private static RoundedFloat Tiny(ref FloatStatus status, WideFloat value, int precision, int minExponent)
    {
        if (status.FlushToZero)
        {
            status.Raise(FloatExceptions.Underflow | FloatExceptions.Precision);
            return new RoundedFloat(FloatClass.Zero, value.Negative, 0, 0);
        }
        value.ShiftRight(minExponent - value.Exponent);
        var significand = Keep(value.High, value.Low, precision, status.Rounding, value.Negative, out var inexact, out var up);
        if (inexact)
            status.Raise(FloatExceptions.Underflow | FloatExceptions.Precision);
        status.RoundedUp = up;
        return new RoundedFloat(significand == 0 ? FloatClass.Zero : FloatClass.Finite, value.Negative, minExponent, significand);
    }

    private static RoundedFloat TooLarge(ref FloatStatus status, bool negative, int precision, int maxExponent)
    {
        status.Raise(FloatExceptions.Precision);
        var infinite = status.Rounding switch
        {
            RoundingMode.NearestEven => true,
            RoundingMode.Down => negative,
            RoundingMode.Up => !negative,
            _ => false,
        };
        status.RoundedUp = infinite;
        return infinite
            ? new RoundedFloat(FloatClass.Infinity, negative, 0, Unpacked.LeadingBit)
            : new RoundedFloat(FloatClass.Finite, negative, maxExponent, ulong.MaxValue << (64 - precision));
    }
}
