using System.Text;

namespace Pv.Config.Grammar;

/// <summary>The escapes of a quoted string, as xl 4.17 to 4.23 read them.</summary>
internal static class QuotedString
{
    /// <summary>
    /// Removes the escapes. <c>\x</c> is refused whatever follows, and <c>\N</c> with digits after its first yields
    /// nothing at all: both are flaws of the original that no file relies on, matched because a refusal must match.
    /// </summary>
    internal static bool TryUnquote(ReadOnlySpan<char> quoted, out string value, out string problem)
    {
        value = problem = "";
        if (quoted.Contains('\0'))
        {
            problem = "NUL character in quoted string";
            return false;
        }

        if (!quoted.Contains('\\'))
        {
            value = quoted.ToString();
            return true;
        }

        var result = new StringBuilder(quoted.Length);
        for (int i = 0; i < quoted.Length;)
        {
            char c = quoted[i++];
            if (c != '\\')
            {
                result.Append(c);
                continue;
            }

            char escaped = quoted[i++];
            switch (escaped)
            {
                case '"' or '\'' or '\\':
                    result.Append(escaped);
                    break;
                case 'a': result.Append('\a'); break;
                case 'b': result.Append('\b'); break;
                case 'f': result.Append('\f'); break;
                case 'n': result.Append('\n'); break;
                case 'r': result.Append('\r'); break;
                case 't': result.Append('\t'); break;
                case 'v': result.Append('\v'); break;
                case 'x':
                    problem = "invalid digit after backslash hexnumerical character escape in quoted string";
                    return false;
                case >= '0' and <= '7':
                    int digits = CountDecimal(quoted[i..Math.Min(i + 3, quoted.Length)]);
                    if (digits <= 1)
                    {
                        problem = "invalid digit after backslash octalnumerical character escape in quoted string";
                        return false;
                    }

                    i += digits;
                    break;
                default:
                    problem = "invalid character after backlash in quoted string";
                    return false;
            }
        }

        value = result.ToString();
        return true;
    }

    private static int CountDecimal(ReadOnlySpan<char> text)
    {
        CNumber.ParseUnsigned(text, 10, out int consumed);
        return consumed;
    }
}
