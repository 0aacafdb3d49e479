namespace Pv.XenStore;

/// <summary>Numbers in payloads, read as C's <c>atoi</c> reads them: leading blanks and a sign, then digits, and whatever follows is not looked at.</summary>
internal static class Numbers
{
    public static uint ToUnsigned(string text)
    {
        var at = 0;
        while (at < text.Length && (text[at] == ' ' || text[at] is >= '\t' and <= '\r'))
            at++;
        var negative = at < text.Length && text[at] == '-';
        if (at < text.Length && text[at] is '-' or '+')
            at++;
        uint value = 0;
        for (; at < text.Length && char.IsAsciiDigit(text[at]); at++)
            value = unchecked((value * 10) + (uint)(text[at] - '0'));
        return negative ? unchecked(0u - value) : value;
    }
}
