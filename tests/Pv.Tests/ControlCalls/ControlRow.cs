using System.Globalization;

namespace Pv.Tests.ControlCalls;

/// <summary>A place of a row: bytes of the call's argument (then the buffer's number is -1), or of one of four buffers.</summary>
internal readonly record struct ControlPlace(int Buffer, int Offset, int Size)
{
    /// <summary>Reads <c>OFFSET:SIZE</c> or <c>Bn+OFFSET:SIZE</c>; <paramref name="rest"/> is what follows.</summary>
    public static ControlPlace Parse(string text, out string rest)
    {
        var buffer = -1;
        var at = 0;
        if (text[0] == 'B')
        {
            buffer = text[1] - '0';
            at = text[2] == '+' ? 3 : 2;
        }
        var colon = text.IndexOf(':', at);
        var end = colon + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        rest = text[end..];
        var offset = colon == at ? 0 : int.Parse(text.AsSpan(at, colon - at), CultureInfo.InvariantCulture);
        return new ControlPlace(buffer, offset, int.Parse(text.AsSpan(colon + 1, end - colon - 1), CultureInfo.InvariantCulture));
    }
}

/// <summary>The names that rows give to numbers: domains, frames, buffers.</summary>
internal sealed class ControlNames
{
    private readonly Dictionary<string, ulong> _values = new()
    {
        ["dom0"] = 0, ["self"] = 0x7ff0, ["io"] = 0x7ff1, ["xen"] = 0x7ff2, ["cow"] = 0x7ff3, ["invalid"] = 0x7ff4, ["idle"] = 0x7fff, ["nobody"] = 0x6fff,
    };

    public ulong this[string name] { set => _values[name] = value; }

    public bool Remove(string name, out ulong value) => _values.Remove(name, out value);

    /// <summary>A number, a name, or a name by which something is multiplied or to which something is added.</summary>
    public ulong Value(string text)
    {
        if (text[0] == '-')
            return unchecked((ulong)long.Parse(text, CultureInfo.InvariantCulture));
        if (char.IsAsciiDigit(text[0]))
        {
            return text.StartsWith("0x", StringComparison.Ordinal)
                ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) : ulong.Parse(text, CultureInfo.InvariantCulture);
        }
        var end = text.IndexOfAny(['+', '*']);
        if (end < 0)
            return _values[text];
        var value = _values[text[..end]];
        if (text[end] == '*')
        {
            var next = text.IndexOf('+', end);
            value *= Value(next < 0 ? text[(end + 1)..] : text[(end + 1)..next]);
            if (next < 0)
                return value;
            end = next;
        }
        return value + Value(text[(end + 1)..]);
    }
}
