namespace Pv.Config;

/// <summary>
/// Numbers as the C library reads them (<c>strtol</c>, <c>strtoul</c>), since specifications are defined by what
/// those accept: leading blanks, a sign (also for unsigned numbers, which then wrap), base 0 for 0x and leading 0.
/// </summary>
internal static class CNumber
{
    /// <summary>Reads a signed number. Out of range clamps and reports it. <paramref name="consumed"/> is 0 if there is none.</summary>
    internal static long ParseSigned(ReadOnlySpan<char> text, int radix, out int consumed, out bool outOfRange)
    {
        ulong magnitude = Magnitude(text, radix, out bool negative, out consumed, out bool overflow);
        ulong limit = negative ? 1UL << 63 : long.MaxValue;
        outOfRange = overflow || magnitude > limit;
        if (outOfRange)
            return negative ? long.MinValue : long.MaxValue;
        return negative ? unchecked((long)(0 - magnitude)) : (long)magnitude;
    }

    /// <summary>Reads an unsigned number. Out of range yields <see cref="ulong.MaxValue"/>.</summary>
    internal static ulong ParseUnsigned(ReadOnlySpan<char> text, int radix, out int consumed)
    {
        ulong magnitude = Magnitude(text, radix, out bool negative, out consumed, out bool overflow);
        if (overflow)
            return ulong.MaxValue;
        return negative ? unchecked(0 - magnitude) : magnitude;
    }

    /// <summary><c>atoi</c>: what cannot be read is 0.</summary>
    internal static int ParseInteger(ReadOnlySpan<char> text) => unchecked((int)ParseSigned(text, 10, out _, out _));

    internal static bool IsBlank(char c) => c is ' ' or (>= '\t' and <= '\r');

    private static ulong Magnitude(ReadOnlySpan<char> text, int radix, out bool negative, out int consumed, out bool overflow)
    {
        int i = 0;
        while (i < text.Length && IsBlank(text[i]))
            i++;
        negative = i < text.Length && text[i] == '-';
        if (i < text.Length && text[i] is '-' or '+')
            i++;

        bool prefixed = i + 2 < text.Length && text[i] == '0' && text[i + 1] is 'x' or 'X' && Digit(text[i + 2]) < 16;
        if (radix is 0 or 16 && prefixed)
            (radix, i) = (16, i + 2);
        else if (radix == 0)
            radix = i < text.Length && text[i] == '0' ? 8 : 10;

        int first = i;
        ulong value = 0;
        overflow = false;
        for (; i < text.Length && Digit(text[i]) is int digit && digit < radix; i++)
        {
            UInt128 next = (UInt128)value * (uint)radix + (uint)digit;
            overflow |= next > ulong.MaxValue;
            value = unchecked((ulong)next);
        }

        consumed = i == first ? 0 : i;
        return value;
    }

    private static int Digit(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'f' => c - 'a' + 10,
        >= 'A' and <= 'F' => c - 'A' + 10,
        _ => int.MaxValue,
    };
}
