namespace Pv.Cpu.Software;

/// <summary>
/// The transcendental functions of x87 for finite arguments but zero, to some 120 bits: far more than the 64 that they are rounded to.
/// </summary>
internal static class Transcendentals
{
    /// <summary>π as Intel's processors reduce arguments by it: 66 bits, so that 2^65 · π/2 is this integer.</summary>
    private static readonly UInt128 s_halfPi = new(0x3, 0x243f_6a88_85a3_08d3);

    private static readonly WideFloat s_ln2 = new() { High = 0xb172_17f7_d1cf_79ab, Low = 0xc9e3_b398_03f2_f6af, Exponent = -1 };
    private static readonly WideFloat s_log2OfE = new() { High = 0xb8aa_3b29_5c17_f0bb, Low = 0xbe87_fed0_691d_3e88 };
    private static readonly WideFloat s_pi = new() { High = 0xc90f_daa2_2168_c234, Low = 0xc4c6_628b_80dc_1cd1, Exponent = 1 };
    private static readonly WideFloat s_one = new() { High = Unpacked.LeadingBit };

    /// <summary>atan(k/8), in fractions of 2^128.</summary>
    private static readonly UInt128[] s_atans =
    [
        0,
        new(0x1fd5_ba9a_ac2f_6dc6, 0x5912_f313_e7d1_11de),
        new(0x3eb6_ebf2_5901_bac5, 0x5b71_e7bd_7de8_85f9),
        new(0x5bd8_6507_937b_c239, 0xc551_9091_6e7f_2241),
        new(0x76b1_9c15_86ed_3da2, 0xb7f2_22f6_5e1d_4681),
        new(0x8f00_5d5e_f7f5_9f9b, 0x5c83_5e16_65c4_3747),
        new(0xa4bc_7d19_34f7_0924, 0x19a8_7f2a_457d_ac9e),
        new(0xb805_3e2b_c231_9e73, 0xcb2d_a552_10a4_443d),
        new(0xc90f_daa2_2168_c234, 0xc4c6_628b_80dc_1cd1),
    ];

    /// <summary>Sine and cosine of a number below 2^63.</summary>
    public static (WideFloat Sine, WideFloat Cosine) SineAndCosine(in Unpacked x)
    {
        var reduced = Reduce(x, out var quadrant);
        var square = Fraction(WideArithmetic.Multiply(reduced, reduced));
        var sine = WideArithmetic.Multiply(reduced, WideArithmetic.Of(JustBelow(Series.SineRatio(square)), 0));
        var cosine = WideArithmetic.Of(JustBelow(Series.Cosine(square)), 0);
        if ((quadrant & 1) != 0)
        {
            (sine, cosine) = (cosine, sine);
            cosine.Negative = !cosine.Negative;
        }
        if ((quadrant & 2) != 0)
        {
            sine.Negative = !sine.Negative;
            cosine.Negative = !cosine.Negative;
        }
        sine.Negative ^= x.Negative;
        return (sine, cosine);
    }

    /// <summary>2^x − 1, for x between −1 and 1.</summary>
    public static WideFloat PowerLessOne(in Unpacked x)
    {
        var y = WideArithmetic.Multiply(WideFloat.Of(x), s_ln2);
        return WideArithmetic.Multiply(y, WideArithmetic.Of(JustBelow(Series.ExponentialRatio(Fraction(y), y.Negative)), 0));
    }

    /// <summary>log2 of a positive number; zero for 1.</summary>
    public static WideFloat Log2(in Unpacked x) => Log2(WideFloat.Of(x));

    /// <summary>log2(1 + x), for x above −1.</summary>
    public static WideFloat Log2OfOnePlus(in Unpacked x)
    {
        var value = WideFloat.Of(x);
        // Near 1 the quotient is made of x itself, which keeps all its bits.
        if (x.Exponent >= -2)
            return Log2(WideArithmetic.Add(s_one, value));
        var two = s_one;
        two.Exponent = 1;
        return LogOfRatio(WideArithmetic.Divide(value, WideArithmetic.Add(two, value)));
    }

    /// <summary>The angle between 0 and π of a point with two magnitudes; <paramref name="left"/>: x is negative.</summary>
    public static WideFloat Angle(in Unpacked y, in Unpacked x, bool left)
    {
        WideFloat height = WideFloat.Of(y), width = WideFloat.Of(x);
        height.Negative = width.Negative = false;
        var steep = y.Exponent > x.Exponent || (y.Exponent == x.Exponent && y.Significand > x.Significand);
        var angle = ArcTangent(steep ? WideArithmetic.Divide(width, height) : WideArithmetic.Divide(height, width));
        if (steep)
            angle = FromPi(angle, half: true);
        return left ? FromPi(angle, half: false) : angle;
    }

    /// <summary>A fraction of π with a sign: π · numerator / 4.</summary>
    public static WideFloat QuartersOfPi(int quarters)
    {
        var result = WideArithmetic.Multiply(s_pi, WideFloat.Of(Unpacked.OfInteger(quarters)));
        result.Exponent -= 2;
        return result;
    }

    /// <summary>The least remainder by π/2 of a magnitude, and how often π/2 went into it.</summary>
    private static WideFloat Reduce(in Unpacked x, out int quadrant)
    {
        quadrant = 0;
        if (x.Exponent < -1)
            return WideFloat.Of(x) with { Negative = false };
        // In units of 2^-65, of which a number from 1/2 up is a multiple.
        var units = (UInt128)x.Significand << (x.Exponent + 2);
        var (quotient, remainder) = UInt128.DivRem(units, s_halfPi);
        quadrant = (int)quotient & 3;
        var negative = remainder > s_halfPi - remainder;
        if (negative)
        {
            remainder = s_halfPi - remainder;
            quadrant++;
        }
        return WideArithmetic.Of(remainder, 62, negative);
    }

    private static WideFloat Log2(WideFloat x)
    {
        // The significand between √½ and √2.
        var exponent = x.Exponent;
        x.Exponent = 0;
        if (x.High >= 0xb504_f333_f9de_6484)
        {
            x.Exponent = -1;
            exponent++;
        }
        var minusOne = s_one;
        minusOne.Negative = true;
        var ratio = WideArithmetic.Divide(WideArithmetic.Add(x, minusOne), WideArithmetic.Add(x, s_one));
        return WideArithmetic.Add(WideFloat.Of(Unpacked.OfInteger(exponent)), LogOfRatio(ratio));
    }

    /// <summary>2 · atanh(s) / ln 2.</summary>
    private static WideFloat LogOfRatio(in WideFloat ratio)
    {
        if (ratio.IsZero)
            return ratio;
        var sum = WideArithmetic.Of(Series.AtanhRatio(Fraction(WideArithmetic.Multiply(ratio, ratio))) | 1, 0);
        var result = WideArithmetic.Multiply(WideArithmetic.Multiply(ratio, sum), s_log2OfE);
        result.Exponent++;
        return result;
    }

    /// <summary>atan of a quotient between 0 and 1: the nearest eighth's, and that of what is between them.</summary>
    private static WideFloat ArcTangent(in WideFloat quotient)
    {
        var nearest = quotient.Exponent < -4 ? 0 : (int)((Fraction16(quotient) + (1u << 12)) >> 13);
        var rest = quotient;
        if (nearest != 0)
        {
            var eighths = WideFloat.Of(Unpacked.OfInteger(nearest));
            eighths.Exponent -= 3;
            var below = WideArithmetic.Add(s_one, WideArithmetic.Multiply(quotient, eighths));
            eighths.Negative = true;
            rest = WideArithmetic.Divide(WideArithmetic.Add(quotient, eighths), below);
        }
        var angle = rest.IsZero ? rest
            : WideArithmetic.Multiply(rest, WideArithmetic.Of(JustBelow(Series.AtanRatio(Fraction(WideArithmetic.Multiply(rest, rest)))), 0));
        return nearest == 0 ? angle : WideArithmetic.Add(WideArithmetic.Of(s_atans[nearest], -1), angle);
    }

    private static WideFloat FromPi(in WideFloat angle, bool half)
    {
        var whole = s_pi;
        if (half)
            whole.Exponent--;
        return WideArithmetic.Add(whole, angle with { Negative = true });
    }

    /// <summary>A magnitude below 1 as a fraction of 2^128.</summary>
    private static UInt128 Fraction(in WideFloat value)
    {
        var shift = -(value.Exponent + 1);
        return shift >= 128 || value.IsZero ? 0 : new UInt128(value.High, value.Low) >> shift;
    }

    /// <summary>A magnitude up to 1 as a fraction of 2^16.</summary>
    private static uint Fraction16(in WideFloat value) => value.Exponent >= 0 ? 1u << 16 : (uint)(value.High >> (47 - value.Exponent));

    /// <summary>These functions have no exact values: what comes out as 1 is a little less.</summary>
    private static UInt128 JustBelow(UInt128 ratio) => ratio == Series.One ? ratio - 1 : ratio | 1;
}
