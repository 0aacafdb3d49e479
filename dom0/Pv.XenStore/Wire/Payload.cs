using System.Text;

namespace Pv.XenStore;

/// <summary>A request's payload as the protocol shapes it: strings that end in a zero, and perhaps bytes behind them.</summary>
internal readonly struct Payload(ReadOnlyMemory<byte> bytes)
{
    public ReadOnlySpan<byte> Bytes => bytes.Span;

    public static byte[] Of(string text) => Encoding.Latin1.GetBytes(text + '\0');

    /// <summary>All of it as one string with its zero, or null.</summary>
    public string? Single
    {
        get
        {
            var length = Bytes.IndexOf((byte)0);
            return length >= 0 && length == Bytes.Length - 1 ? Text(Bytes[..length]) : null;
        }
    }

    /// <summary>The first string and what is behind its zero; false when there is no zero.</summary>
    public bool TrySplit(out string first, out ReadOnlySpan<byte> rest)
    {
        var length = Bytes.IndexOf((byte)0);
        first = length < 0 ? string.Empty : Text(Bytes[..length]);
        rest = length < 0 ? default : Bytes[(length + 1)..];
        return length >= 0;
    }

    /// <summary>The strings, each ended by a zero. Bytes behind the last zero are none, and are dropped.</summary>
    public List<string> Strings()
    {
        var strings = new List<string>();
        var rest = Bytes;
        for (int length; (length = rest.IndexOf((byte)0)) >= 0; rest = rest[(length + 1)..])
            strings.Add(Text(rest[..length]));
        return strings;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
