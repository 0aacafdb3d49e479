using System.Numerics;
using System.Runtime.InteropServices;

namespace Pv.Cpu.Software;

/// <summary>
/// The 80-bit extended format as it lies in memory: a significand with its leading bit, then sign and exponent (Intel SDM, volume 1, 4.2.2).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
internal readonly record struct Float80(ulong Significand, ushort SignAndExponent)
{
    public const int Bytes = 10;
    public const int Precision = 64;
    public const int MaxExponent = 16383;
    public const int MinExponent = 1 - MaxExponent;
    private const int FieldMask = 0x7fff;
    private const ushort SignBit = 0x8000;

    public bool Negative => (SignAndExponent & SignBit) != 0;

    public int ExponentField => SignAndExponent & FieldMask;

    public static Float80 Zero(bool negative) => new(0, negative ? SignBit : (ushort)0);

    public static Float80 Infinity(bool negative) => new(Unpacked.LeadingBit, (ushort)(FieldMask | (negative ? SignBit : 0)));

    public static Float80 Indefinite => Nan(Unpacked.Indefinite);

    /// <summary>A NaN, made quiet.</summary>
    public static Float80 Nan(in Unpacked nan) => new(nan.Significand | Unpacked.QuietBit, (ushort)(FieldMask | (nan.Negative ? SignBit : 0)));

    public Float80 Negated => new(Significand, (ushort)(SignAndExponent ^ SignBit));

    public Float80 Absolute => new(Significand, (ushort)ExponentField);

    public Unpacked Unpack()
    {
        var field = ExponentField;
        var result = new Unpacked { Negative = Negative, Significand = Significand, Exponent = field - MaxExponent };
        var leading = (Significand & Unpacked.LeadingBit) != 0;
        if (field == 0)
        {
            if (Significand == 0)
                return Unpacked.Zero(Negative);
            // With the leading bit set it is a pseudo-denormal, which counts as what it says.
            var zeros = BitOperations.LeadingZeroCount(Significand);
            result.Significand <<= zeros;
            result.Exponent = MinExponent - zeros;
            result.Class = FloatClass.Finite;
            result.IsDenormal = true;
        }
        else if (!leading)
        {
            result.Class = FloatClass.Unsupported;
        }
        else if (field != FieldMask)
        {
            result.Class = FloatClass.Finite;
        }
        else
        {
            result.Class = Significand == Unpacked.LeadingBit ? FloatClass.Infinity
                : (Significand & Unpacked.QuietBit) != 0 ? FloatClass.QuietNan : FloatClass.SignalingNan;
        }
        return result;
    }

    /// <summary>Encodes what was taken apart of any format; a NaN is left as it is. All formats fit, so nothing is rounded.</summary>
    public static Float80 Of(in Unpacked value)
    {
        var sign = value.Negative ? SignBit : 0;
        return value.Class switch
        {
            FloatClass.Zero => Zero(value.Negative),
            FloatClass.Finite => new Float80(value.Significand, (ushort)(sign | (value.Exponent + MaxExponent))),
            _ => new Float80(value.Significand, (ushort)(sign | FieldMask)),
        };
    }

    /// <summary>Rounds to <paramref name="precision"/> bits (of the control word: 24, 53 or 64) and encodes.</summary>
    public static Float80 Pack(ref FloatStatus status, in WideFloat value, int precision)
    {
        var rounded = Rounding.Round(ref status, value, precision, MinExponent, MaxExponent);
        return rounded.Class switch
        {
            FloatClass.Zero => Zero(rounded.Negative),
            FloatClass.Infinity => Infinity(rounded.Negative),
            _ => Finite(rounded),
        };
    }

    private static Float80 Finite(in RoundedFloat value)
    {
        var field = (value.Significand & Unpacked.LeadingBit) == 0 ? 0 : value.Exponent + MaxExponent;
        return new Float80(value.Significand, (ushort)((field & FieldMask) | (value.Negative ? SignBit : 0)));
    }
}
