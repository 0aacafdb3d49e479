namespace Pv.Cpu.Software;

/// <summary>Integers of 128 bits over those of 64, without the general division's cost.</summary>
internal static class WideDivision
{
    /// <summary>Divides (high, low) by a divisor whose bit 63 is set and which is greater than high.</summary>
    public static ulong Divide(ulong high, ulong low, ulong divisor, out ulong remainder)
    {
        // Two digits of 32 bits (Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D).
        var first = Digit(high, low >> 32, divisor, out var rest);
        var second = Digit(rest, (uint)low, divisor, out remainder);
        return (first << 32) | second;
    }

    private static ulong Digit(ulong rest, ulong next, ulong divisor, out ulong remainder)
    {
        ulong top = divisor >> 32, bottom = (uint)divisor;
        var digit = rest / top;
        var left = rest - (digit * top);
        // At most two too large, since the divisor's leading bit is set.
        while (digit > uint.MaxValue || digit * bottom > ((left << 32) | next))
        {
            digit--;
            left += top;
            if (left > uint.MaxValue)
                break;
        }
        remainder = (rest << 32) + next - (digit * divisor);
        return digit;
    }

    /// <summary>The integer square root of (high, low), which is at least 2^126: below 2^64. The remainder has up to 65 bits.</summary>
    public static ulong SquareRoot(ulong high, ulong low, out UInt128 remainder)
    {
        var square = new UInt128(high, low);
        // The host's root is right to 52 bits; one step of Newton's, made with a root not below the true one, gives the rest.
        var estimate = Math.Sqrt(high * 18446744073709551616.0);
        var root = estimate >= 18446744073709551615.0 ? ulong.MaxValue : (ulong)estimate;
        if (root <= high)
            root = ulong.MaxValue;
        var quotient = Divide(high, low, root, out _);
        var sum = (UInt128)root + quotient;
        root = (ulong)(sum >> 1);
        while ((UInt128)root * root > square)
            root--;
        remainder = square - ((UInt128)root * root);
        while (remainder > 2 * (UInt128)root && root != ulong.MaxValue)
        {
            root++;
            remainder = square - ((UInt128)root * root);
        }
        return root;
    }
}
