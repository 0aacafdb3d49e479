using System.Numerics;

namespace Pv.Cpu.Software;

/// <summary>
/// An operand taken apart. A finite number is ± <see cref="Significand"/> · 2^(<see cref="Exponent"/> − 63) with bit 63 of the significand
/// set. A NaN has its payload at the same place: the quiet bit is bit 62.
/// </summary>
internal struct Unpacked
{
    public const ulong LeadingBit = 1ul << 63;
    public const ulong QuietBit = 1ul << 62;

    public ulong Significand;
    public int Exponent;
    public FloatClass Class;
    public bool Negative;

    /// <summary>The encoding was denormal (or, in 80 bits, pseudo-denormal).</summary>
    public bool IsDenormal;

    public readonly bool IsNan => Class is FloatClass.QuietNan or FloatClass.SignalingNan;

    public readonly bool IsZero => Class == FloatClass.Zero;

    public readonly bool IsInfinity => Class == FloatClass.Infinity;

    public static Unpacked Zero(bool negative) => new() { Negative = negative };

    public static Unpacked Infinity(bool negative) => new() { Negative = negative, Class = FloatClass.Infinity, Significand = LeadingBit };

    /// <summary>The NaN that stands for an invalid operation (the manuals' "real indefinite").</summary>
    public static Unpacked Indefinite => new() { Negative = true, Class = FloatClass.QuietNan, Significand = LeadingBit | QuietBit };

    /// <summary>An integer, exactly.</summary>
    public static Unpacked OfInteger(long value)
        => OfMagnitude(value < 0, value < 0 ? 0ul - (ulong)value : (ulong)value);

    /// <summary>A magnitude with a sign, exactly.</summary>
    public static Unpacked OfMagnitude(bool negative, ulong magnitude)
    {
        if (magnitude == 0)
            return Zero(negative);
        var zeros = BitOperations.LeadingZeroCount(magnitude);
        return new Unpacked { Negative = negative, Class = FloatClass.Finite, Significand = magnitude << zeros, Exponent = 63 - zeros };
    }

    /// <summary>Takes an encoding apart; denormals become signed zeros where the status says so. Raises nothing.</summary>
    public static Unpacked Of<TFormat>(in FloatStatus status, ulong bits)
        where TFormat : struct, IFloatFormat
    {
        var fractionBits = TFormat.Precision - 1;
        var fraction = bits & ((1ul << fractionBits) - 1);
        var field = (int)(bits >> fractionBits) & ((2 * TFormat.MaxExponent) + 1);
        var result = new Unpacked { Negative = (bits >> (TFormat.Width - 1) & 1) != 0 };
        if (field == (2 * TFormat.MaxExponent) + 1)
        {
            result.Significand = LeadingBit | (fraction << (64 - TFormat.Precision));
            result.Class = fraction == 0 ? FloatClass.Infinity
                : (result.Significand & QuietBit) != 0 ? FloatClass.QuietNan : FloatClass.SignalingNan;
        }
        else if (field != 0)
        {
            result.Class = FloatClass.Finite;
            result.Significand = LeadingBit | (fraction << (64 - TFormat.Precision));
            result.Exponent = field - TFormat.MaxExponent;
        }
        else if (fraction != 0 && !status.DenormalsAreZero)
        {
            var zeros = BitOperations.LeadingZeroCount(fraction);
            result.Class = FloatClass.Finite;
            result.Significand = fraction << zeros;
            result.Exponent = 1 - TFormat.MaxExponent - (zeros - (64 - TFormat.Precision));
            result.IsDenormal = true;
        }
        return result;
    }

    /// <summary>The same NaN, quiet.</summary>
    public readonly Unpacked Quieted()
    {
        var result = this;
        result.Significand |= QuietBit;
        result.Class = FloatClass.QuietNan;
        return result;
    }
}
