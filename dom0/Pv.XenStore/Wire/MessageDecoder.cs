using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Takes messages out of a stream of bytes that come as they come. It has a buffer only while there is something in it.</summary>
/// <remarks>A header that promises more than the protocol allows is the end of the stream: nobody knows where the next one would begin.</remarks>
internal sealed class MessageDecoder(BufferPool buffers)
{
    /// <summary>Room for the longest message, and for many of the usual ones at once.</summary>
    public const int BufferBytes = 2 * (XenStoreHeader.WireSize + XenStoreLimits.PayloadBytes);

    private byte[]? _buffer;
    private int _start;
    private int _end;

    /// <summary>The stream cannot be understood any more.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Where the next bytes go. Never empty when no message can be taken, unless the stream is broken.</summary>
    public Span<byte> Free
    {
        get
        {
            if (IsBroken)
                return default;
            _buffer ??= buffers.Rent();
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }
            return _buffer.AsSpan(_end);
        }
    }

    /// <summary>Says that <paramref name="count"/> bytes were put into <see cref="Free"/>.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, BufferBytes - _end);
        _end += count;
    }

    /// <summary>The message, once it is whole. Its payload is in the buffer: good until <see cref="Free"/> is looked at again, or the buffer given back.</summary>
    public bool TryTake(out StoreMessage message)
    {
        message = default;
        if (IsBroken || _end - _start < XenStoreHeader.WireSize)
            return false;
        var header = _buffer.AsSpan(_start, XenStoreHeader.WireSize);
        var length = Field(header, 12);
        if (length > XenStoreLimits.PayloadBytes)
        {
            IsBroken = true;
            return false;
        }
        if (_end - _start - XenStoreHeader.WireSize < (int)length)
            return false;
        var payload = _buffer.AsMemory(_start + XenStoreHeader.WireSize, (int)length);
        message = new((XenStoreMessageType)Field(header, 0), Field(header, 4), Field(header, 8), payload);
        _start += XenStoreHeader.WireSize + (int)length;
        return true;
    }

    /// <summary>Nobody uses the last message any more: gives the buffer back unless it holds the beginning of another one.</summary>
    public void Rest()
    {
        if (_start == _end)
            Clear();
    }

    /// <summary>Forgets what it holds.</summary>
    public void Clear()
    {
        if (_buffer is not null)
            buffers.Return(_buffer);
        _buffer = null;
        (_start, _end) = (0, 0);
    }

    private static uint Field(ReadOnlySpan<byte> header, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(header[offset..]);
}
