using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// Takes messages out of a stream of bytes that come as they come. It asks for no byte beyond the message at hand,
/// so whoever stops asking leaves the rest with the sender.
/// </summary>
/// <remarks>A header that promises more than the protocol allows is the end of the stream: nobody knows where the next one would begin.</remarks>
internal sealed class MessageDecoder
{
    private readonly byte[] _buffer = new byte[XenStoreHeader.WireSize + XenStoreLimits.PayloadBytes];
    private int _filled;

    /// <summary>The stream cannot be understood any more.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Where the next bytes go. Never empty before a message is taken, unless the stream is broken.</summary>
    public Span<byte> Free => IsBroken ? default : _buffer.AsSpan(_filled, Wanted - _filled);

    private int Wanted => _filled < XenStoreHeader.WireSize ? XenStoreHeader.WireSize : XenStoreHeader.WireSize + PayloadLength;

    private int PayloadLength => (int)Field(12);

    /// <summary>Says that <paramref name="count"/> bytes were put into <see cref="Free"/>.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Free.Length);
        var before = _filled;
        _filled += count;
        if (before < XenStoreHeader.WireSize && _filled == XenStoreHeader.WireSize)
            IsBroken = Field(12) > XenStoreLimits.PayloadBytes;
    }

    /// <summary>The message, once it is whole. Its payload is a copy.</summary>
    public bool TryTake(out StoreMessage message)
    {
        message = default;
        if (IsBroken || _filled < XenStoreHeader.WireSize || _filled < Wanted)
            return false;
        var payload = _buffer.AsSpan(XenStoreHeader.WireSize, PayloadLength).ToArray();
        message = new((XenStoreMessageType)Field(0), Field(4), Field(8), payload);
        _filled = 0;
        return true;
    }

    private uint Field(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(offset));
}
