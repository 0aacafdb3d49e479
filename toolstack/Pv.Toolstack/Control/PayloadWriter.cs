using System.Buffers.Binary;
using System.Text;

namespace Pv.Toolstack.Control;

/// <summary>Builds one frame: the header's room first, then the payload, value by value.</summary>
public sealed class PayloadWriter
{
    private readonly FrameKind _kind;
    private byte[] _bytes;
    private int _length = FrameHeader.Size;

    public PayloadWriter(FrameKind kind, int room = 64)
    {
        _kind = kind;
        _bytes = new byte[FrameHeader.Size + room];
    }

    public PayloadWriter U8(byte value)
    {
        Room(1)[0] = value;
        return this;
    }

    public PayloadWriter U16(int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Room(2), (ushort)value);
        return this;
    }

    public PayloadWriter S32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(Room(4), value);
        return this;
    }

    /// <summary>A length of 4 bytes, then UTF-8.</summary>
    public PayloadWriter Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        S32(length);
        Encoding.UTF8.GetBytes(value, Room(length));
        return this;
    }

    /// <summary>A count of 4 bytes, then the strings.</summary>
    public PayloadWriter Texts(string[] values)
    {
        S32(values.Length);
        foreach (var value in values)
            Text(value);
        return this;
    }

    public PayloadWriter Bytes(ReadOnlySpan<byte> value)
    {
        value.CopyTo(Room(value.Length));
        return this;
    }

    /// <summary>The whole frame, header included. The writer is spent.</summary>
    /// <exception cref="ControlProtocolException">More than a frame can hold.</exception>
    public ReadOnlyMemory<byte> Finish()
    {
        var payload = _length - FrameHeader.Size;
        if (payload > ControlProtocol.MaxPayload)
            throw new ControlProtocolException($"{payload} bytes do not fit into a frame; at most {ControlProtocol.MaxPayload} do.");
        new FrameHeader(_kind, payload).Write(_bytes);
        return _bytes.AsMemory(0, _length);
    }

    private Span<byte> Room(int length)
    {
        if (_bytes.Length - _length < length)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + length));
        var room = _bytes.AsSpan(_length, length);
        _length += length;
        return room;
    }
}
