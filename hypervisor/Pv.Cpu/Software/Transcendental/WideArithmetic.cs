namespace Pv.Cpu.Software;

/// <summary>Arithmetic of 128-bit significands for results that are rounded to 64 bits later. Errors are a few units of the last place.</summary>
internal static class WideArithmetic
{
    public static WideFloat Multiply(in WideFloat a, in WideFloat b)
    {
        var product = MultiplyHigh(new UInt128(a.High, a.Low), new UInt128(b.High, b.Low));
        return Of(product, a.Exponent + b.Exponent + 1, a.Negative ^ b.Negative);
    }

    public static WideFloat Divide(in WideFloat a, in WideFloat b)
    {
        UInt128 remainder = new(a.High, a.Low), divisor = new(b.High, b.Low), quotient = 0;
        var negative = a.Negative ^ b.Negative;
        if (remainder == 0)
            return new WideFloat { Negative = negative };
        var exponent = a.Exponent - b.Exponent;
        if (remainder < divisor)
            exponent--;
        else
        {
            // The first bit of the quotient, so that what remains is less than the divisor.
            remainder -= divisor;
            quotient = 1;
        }
        for (var bits = quotient == 0 ? 128 : 127; bits > 0; bits--)
        {
            var carry = (remainder >> 127) != 0;
            remainder <<= 1;
            quotient <<= 1;
            if (!carry && remainder < divisor)
                continue;
            remainder -= divisor;
            quotient |= 1;
        }
        return Of(quotient | (remainder == 0 ? UInt128.Zero : UInt128.One), exponent, negative);
    }

    public static WideFloat Add(in WideFloat a, in WideFloat b)
    {
        if (a.IsZero)
            return b;
        if (b.IsZero)
            return a;
        UInt128 x = new(a.High, a.Low), y = new(b.High, b.Low);
        if (b.Exponent > a.Exponent || (b.Exponent == a.Exponent && y > x))
            return Add(b, a);
        var small = b;
        small.ShiftRight(Math.Min(a.Exponent - b.Exponent, 128));
        y = new UInt128(small.High, small.Low);
        if (a.Negative != b.Negative)
            return Of(x - y, a.Exponent, a.Negative);
        var sum = x + y;
        return sum < x ? Of((sum >> 1) | (UInt128.One << 127), a.Exponent + 1, a.Negative) : Of(sum, a.Exponent, a.Negative);
    }

    /// <summary>A number from a significand that need not be normal: its bit 127 stands for 2^<paramref name="exponent"/>.</summary>
    public static WideFloat Of(UInt128 significand, int exponent, bool negative = false)
    {
        var result = new WideFloat { High = (ulong)(significand >> 64), Low = (ulong)significand, Exponent = exponent, Negative = negative };
        result.Normalise();
        return result;
    }

    /// <summary>The upper half of a product of 256 bits, but for a carry out of the lowest words.</summary>
    public static UInt128 MultiplyHigh(UInt128 a, UInt128 b)
    {
        ulong aHigh = (ulong)(a >> 64), aLow = (ulong)a, bHigh = (ulong)(b >> 64), bLow = (ulong)b;
        var high = Math.BigMul(aHigh, bHigh, out var middle);
        var first = Math.BigMul(aHigh, bLow, out _);
        var second = Math.BigMul(aLow, bHigh, out _);
        return new UInt128(high, middle) + first + second;
    }

    /// <summary>Divides by a small number.</summary>
    public static UInt128 DivideSmall(UInt128 value, uint divisor)
    {
        ulong high = (ulong)(value >> 64), low = (ulong)value;
        var (first, rest) = Math.DivRem(high, divisor);
        var (second, rest2) = Math.DivRem((rest << 32) | (low >> 32), divisor);
        var third = ((rest2 << 32) | (uint)low) / divisor;
        return new UInt128(first, (second << 32) + third);
    }
}
