using System.Globalization;
using System.Text;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Runs;

/// <summary>
/// The text of <c>--send</c>: what a person types, and Enter behind it. As with echo(1), <c>\r \n \t \e \\</c> and <c>\xHH</c> are single bytes, and
/// <c>\c</c> at the end stands for no Enter.
/// </summary>
internal static class TypedText
{
    /// <exception cref="ToolstackException">A backslash before something else.</exception>
    public static byte[] Parse(string text)
    {
        var bytes = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                var length = char.IsHighSurrogate(text[i]) && i + 1 < text.Length ? 2 : 1;
                bytes.AddRange(Encoding.UTF8.GetBytes(text.Substring(i, length)));
                i += length - 1;
                continue;
            }
            switch (text.AsSpan(i + 1))
            {
                case ['c']:
                    return [.. bytes];
                case ['x', var high, var low, ..] when byte.TryParse([high, low], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value):
                    bytes.Add(value);
                    i += 3;
                    break;
                case [var letter, ..] when "rnte\\".IndexOf(letter) is >= 0 and var which:
                    bytes.Add("\r\n\t\e\\"u8[which]);
                    i++;
                    break;
                default:
                    throw new ToolstackException($"In '{text}' a backslash stands before something that it does not go with: write \\\\ for the backslash itself.", 2);
            }
        }
        bytes.Add((byte)'\r');
        return [.. bytes];
    }
}
