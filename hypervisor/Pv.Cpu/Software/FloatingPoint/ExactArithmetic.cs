namespace Pv.Cpu.Software;

/// <summary>The operations on finite numbers but zeros, exact to the bit that says whether something is left over.</summary>
internal static class ExactArithmetic
{
    /// <summary>a + b, or a − b. Zero when they cancel; the sign of that is the caller's matter.</summary>
    public static WideFloat Add(in Unpacked a, in Unpacked b, bool subtract)
    {
        var negative = b.Negative ^ subtract;
        var swap = b.Exponent > a.Exponent || (b.Exponent == a.Exponent && b.Significand > a.Significand);
        var result = new WideFloat { Exponent = swap ? b.Exponent : a.Exponent, Negative = swap ? negative : a.Negative };
        var large = swap ? b.Significand : a.Significand;
        var small = new WideFloat { High = swap ? a.Significand : b.Significand };
        small.ShiftRight(Math.Min(Math.Abs(a.Exponent - b.Exponent), 128));
        if (a.Negative == negative)
        {
            result.High = large + small.High;
            result.Low = small.Low;
            if (result.High < large)
            {
                result.ShiftRight(1);
                result.High |= Unpacked.LeadingBit;
                result.Exponent++;
            }
            return result;
        }
        result.Low = 0 - small.Low;
        result.High = large - small.High - (small.Low != 0 ? 1ul : 0);
        result.Normalise();
        return result;
    }

    public static WideFloat Multiply(in Unpacked a, in Unpacked b)
    {
        var result = new WideFloat { Exponent = a.Exponent + b.Exponent + 1, Negative = a.Negative ^ b.Negative };
        result.High = Math.BigMul(a.Significand, b.Significand, out result.Low);
        result.Normalise();
        return result;
    }

    public static WideFloat Divide(in Unpacked a, in Unpacked b)
    {
        var result = new WideFloat { Exponent = a.Exponent - b.Exponent, Negative = a.Negative ^ b.Negative };
        var fits = a.Significand < b.Significand;
        // The dividend must be less than the divisor; 2^63 times it or 2^64 times it gives a quotient with bit 63 set.
        result.High = fits
            ? WideDivision.Divide(a.Significand, 0, b.Significand, out var remainder)
            : WideDivision.Divide(a.Significand >> 1, a.Significand << 63, b.Significand, out remainder);
        if (fits)
            result.Exponent--;
        // What follows of the quotient: its first bit, and whether there is more.
        if (remainder != 0)
            result.Low = remainder > b.Significand - remainder ? 0xc000_0000_0000_0000
                : remainder == b.Significand - remainder ? 0x8000_0000_0000_0000 : 1;
        return result;
    }

    /// <summary>The root of a positive number.</summary>
    public static WideFloat SquareRoot(in Unpacked a)
    {
        var even = (a.Exponent & 1) == 0;
        var result = new WideFloat { Exponent = a.Exponent >> 1 };
        result.High = WideDivision.SquareRoot(even ? a.Significand >> 1 : a.Significand, even ? a.Significand << 63 : 0, out var remainder);
        // The next bit is set when the remainder is beyond root + 1/4; a root is never exactly between.
        if (remainder != 0)
            result.Low = remainder > result.High ? 0xc000_0000_0000_0000 : 1;
        return result;
    }
}
