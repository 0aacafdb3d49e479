using System.Buffers.Binary;
using System.Text;

namespace Pv.Toolstack.Control;

/// <summary>Reads a payload, value by value. Whatever does not fit throws; nothing is allocated on the word of a length alone.</summary>
public ref struct PayloadReader(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    public byte U8() => Take(1)[0];

    public int U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int S32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public string Text() => Encoding.UTF8.GetString(Take(S32()));

    public string[] Texts()
    {
        var count = S32();
        // Each string costs at least its length of 4 bytes.
        if (count < 0 || count > _rest.Length / 4)
            throw new ControlProtocolException("A list is longer than its frame.");
        var values = new string[count];
        for (var i = 0; i < count; i++)
            values[i] = Text();
        return values;
    }

    /// <summary>The payload must be used up.</summary>
    public readonly void End()
    {
        if (!_rest.IsEmpty)
            throw new ControlProtocolException($"A frame has {_rest.Length} bytes too many.");
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length < 0 || length > _rest.Length)
            throw new ControlProtocolException("A frame ends before what it announces.");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
