using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Benchmarks.XenStore;

/// <summary>A connection that waits for each reply, with as little as possible between the caller and the system.</summary>
internal sealed class StoreClient : IDisposable
{
    private const int SocketLevel = 1, PeerCredentials = 17;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start, _end;

    public StoreClient(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public int Descriptor => (int)_socket.Handle;

    /// <summary>The process at the other end.</summary>
    public int Peer
    {
        get
        {
            var credentials = new byte[12];
            _socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
            return BinaryPrimitives.ReadInt32LittleEndian(credentials);
        }
    }

    public static byte[] Request(XenStoreMessageType type, string payload, uint transaction = 0)
        => MessageEncoder.Encode(type, 0, transaction, Encoding.Latin1.GetBytes(payload));

    /// <summary>Asks, and waits for the reply, which is not to be an error unless that is EAGAIN.</summary>
    public ReadOnlySpan<byte> Ask(byte[] request)
    {
        _socket.Send(request);
        var reply = Receive(out var type);
        if (type == XenStoreMessageType.Error && !reply.SequenceEqual("EAGAIN\0"u8))
            throw new InvalidOperationException($"A request was refused: {Encoding.Latin1.GetString(reply)}");
        return reply;
    }

    /// <summary>The next message's payload, good until the next one is asked for.</summary>
    public ReadOnlySpan<byte> Receive(out XenStoreMessageType type)
    {
        Fill(XenStoreHeader.WireSize);
        var length = XenStoreHeader.WireSize + BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(_start + 12));
        Fill(length);
        var message = _buffer.AsSpan(_start, length);
        _start += length;
        type = (XenStoreMessageType)BinaryPrimitives.ReadUInt32LittleEndian(message);
        return message[XenStoreHeader.WireSize..];
    }

    /// <summary>How many whole messages have come, of which nobody wants more. Waits for none.</summary>
    public int Drop()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        _end += Math.Max(0, (int)LinuxCalls.Receive(Descriptor, ref _buffer[_end], _buffer.Length - _end, LinuxCalls.DoNotWait));
        var count = 0;
        while (_end - _start >= XenStoreHeader.WireSize)
        {
            var length = XenStoreHeader.WireSize + BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(_start + 12));
            if (_end - _start < length)
                break;
            _start += length;
            count++;
        }
        return count;
    }

    public void Dispose() => _socket.Dispose();

    private void Fill(int count)
    {
        if (_end - _start >= count)
            return;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        while (_end < count)
        {
            var read = _socket.Receive(_buffer.AsSpan(_end));
            if (read == 0)
                throw new InvalidOperationException("The daemon closed the connection.");
            _end += read;
        }
    }
}
