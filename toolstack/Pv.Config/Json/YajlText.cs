using System.Globalization;
using System.Text;
using Newtonsoft.Json.Linq;

namespace Pv.Config.Json;

/// <summary>
/// JSON text as libxl's printer lays it out, which people and scripts compare: four blanks a level, and an empty
/// object or array over three lines with a blank one between its brackets.
/// </summary>
public static class YajlText
{
    private const int MaxDepth = 64;

    /// <summary>Renders without a newline at the end.</summary>
    public static string Render(JToken token)
    {
        var text = new StringBuilder();
        Append(text, token, 0);
        return text.ToString();
    }

    private static void Append(StringBuilder text, JToken token, int depth)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(depth, MaxDepth);
        switch (token)
        {
            case JObject map:
                text.Append("{\n");
                bool first = true;
                foreach ((string key, JToken? value) in map)
                {
                    Separate(text, ref first, depth);
                    AppendString(text, key);
                    text.Append(": ");
                    Append(text, value!, depth + 1);
                }

                Close(text, '}', depth);
                break;
            case JArray array:
                text.Append("[\n");
                first = true;
                foreach (JToken item in array)
                {
                    Separate(text, ref first, depth);
                    Append(text, item, depth + 1);
                }

                Close(text, ']', depth);
                break;
            case JValue { Type: JTokenType.String, Value: string value }:
                AppendString(text, value);
                break;
            case JValue { Type: JTokenType.Boolean, Value: bool flag }:
                text.Append(flag ? "true" : "false");
                break;
            case JValue { Value: null }:
                text.Append("null");
                break;
            default:
                text.Append(CultureInfo.InvariantCulture, $"{((JValue)token).Value}");
                break;
        }
    }

    private static void Separate(StringBuilder text, ref bool first, int depth)
    {
        if (!first)
            text.Append(",\n");
        first = false;
        text.Append(' ', (depth + 1) * 4);
    }

    private static void Close(StringBuilder text, char bracket, int depth) => text.Append('\n').Append(' ', depth * 4).Append(bracket);

    private static void AppendString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            switch (c)
            {
                case '"': text.Append("\\\""); break;
                case '\\': text.Append("\\\\"); break;
                case '\b': text.Append("\\b"); break;
                case '\f': text.Append("\\f"); break;
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case < ' ': text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"); break;
                default: text.Append(c); break;
            }
        }

        text.Append('"');
    }
}
