using System.Buffers.Binary;

namespace Pv.Toolstack.Control;

/// <summary>The 8 bytes before each payload: u32 length of the payload, u8 kind, 3 bytes of zero.</summary>
public readonly record struct FrameHeader(FrameKind Kind, int Length)
{
    public const int Size = 8;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to, Length);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], (byte)Kind);
    }

    /// <exception cref="ControlProtocolException">A length beyond <see cref="ControlProtocol.MaxPayload"/>, or reserved bytes that are not zero.</exception>
    public static FrameHeader Parse(ReadOnlySpan<byte> from)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(from);
        var kind = BinaryPrimitives.ReadUInt32LittleEndian(from[4..]);
        if (length > ControlProtocol.MaxPayload)
            throw new ControlProtocolException($"A frame of {length} bytes is longer than the protocol allows.");
        if (kind is 0 or > byte.MaxValue)
            throw new ControlProtocolException($"A frame's header is damaged (kind 0x{kind:x}).");
        return new FrameHeader((FrameKind)kind, (int)length);
    }
}
