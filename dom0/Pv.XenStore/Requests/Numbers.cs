using System.Globalization;

namespace Pv.XenStore;

/// <summary>Numbers in payloads, read as C reads them, so that tools which rely on it are understood.</summary>
internal static class Numbers
{
    /// <summary>As <c>atoi</c>: leading blanks and a sign, then digits, and whatever follows is not looked at. What does not fit is cut to 32 bits.</summary>
    public static uint ToUnsigned(string text) => unchecked((uint)Scan(text, 10, out _));

    /// <summary>As <c>strtol</c> with base 0: decimal, octal behind <c>0</c>, hexadecimal behind <c>0x</c>; the whole text must be the number.</summary>
    public static bool TryParse(string text, out int value)
    {
        value = unchecked((int)Scan(text, 0, out var end));
        return end == text.Length;
    }

    /// <summary>Reads a plain decimal number that fits, and nothing else.</summary>
    public static bool TryParsePlain(string text, out int value)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    /// <param name="text">Where the number begins, perhaps behind blanks.</param>
    /// <param name="numberBase">10, or 0 to see by the prefix.</param>
    /// <param name="end">Behind the last digit; 0 when there is none.</param>
    /// <returns>A number of 64 bits; the nearest that there is when it has more.</returns>
    private static long Scan(string text, int numberBase, out int end)
    {
        var at = 0;
        while (at < text.Length && (text[at] == ' ' || text[at] is >= '\t' and <= '\r'))
            at++;
        var isNegative = at < text.Length && text[at] == '-';
        if (at < text.Length && text[at] is '-' or '+')
            at++;
        if (numberBase == 0)
        {
            numberBase = at < text.Length && text[at] == '0' ? 8 : 10;
            if (numberBase == 8 && at + 2 < text.Length && text[at + 1] is 'x' or 'X' && char.IsAsciiHexDigit(text[at + 2]))
            {
                numberBase = 16;
                at += 2;
            }
        }
        end = 0;
        Int128 value = 0;
        for (; at < text.Length && Digit(text[at]) is var digit && digit < numberBase; end = ++at)
            value = Int128.Min((value * numberBase) + digit, long.MaxValue + Int128.One);
        return isNegative ? (long)-value : (long)Int128.Min(value, long.MaxValue);
    }

    private static int Digit(char character)
        => char.IsAsciiDigit(character) ? character - '0'
            : char.IsAsciiHexDigit(character) ? (character | 0x20) - 'a' + 10
            : int.MaxValue;
}
