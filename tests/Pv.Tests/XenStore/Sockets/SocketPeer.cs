using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore.Sockets;

/// <summary>A client on a unix socket, of the system's own sockets and nothing of the store's.</summary>
internal sealed class SocketPeer : IDisposable
{
    private const int PatienceMilliseconds = 20_000;

    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start, _end;

    public SocketPeer(string path)
    {
        Socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = PatienceMilliseconds,
            SendTimeout = PatienceMilliseconds,
        };
        Socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public Socket Socket { get; }

    public static byte[] Bytes(XenStoreMessageType type, string payload, uint requestId = 0, uint transactionId = 0)
        => MessageEncoder.Encode(type, requestId, transactionId, Encoding.Latin1.GetBytes(payload));

    public void Send(XenStoreMessageType type, string payload, uint requestId = 0, uint transactionId = 0)
        => SendBytes(Bytes(type, payload, requestId, transactionId));

    public void SendBytes(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[Socket.Send(bytes)..];
    }

    /// <summary>Sends a request again and again until no more is taken, and reads nothing. Returns how many bytes went.</summary>
    public int SendUntilFull(byte[] request)
    {
        Socket.Blocking = false;
        var (sent, idle) = (0, 0);
        while (idle < 20 && sent < 10_000_000)
        {
            try
            {
                sent += Socket.Send(request.AsSpan(sent % request.Length));
                idle = 0;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.WouldBlock)
            {
                idle++;
                Thread.Sleep(10);
            }
        }
        Socket.Blocking = true;
        return sent;
    }

    /// <summary>The next message, or null when the daemon closed the connection.</summary>
    public (XenStoreMessageType Type, uint RequestId, string Payload)? Receive()
    {
        if (!Fill(XenStoreHeader.WireSize))
            return null;
        var header = _buffer.AsSpan(_start);
        var length = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
        if (!Fill(XenStoreHeader.WireSize + length))
            Assert.Fail("the connection ended in the middle of a message");
        header = _buffer.AsSpan(_start);
        var payload = Encoding.Latin1.GetString(header.Slice(XenStoreHeader.WireSize, length));
        _start += XenStoreHeader.WireSize + length;
        return ((XenStoreMessageType)BinaryPrimitives.ReadUInt32LittleEndian(header), BinaryPrimitives.ReadUInt32LittleEndian(header[4..]), payload);
    }

    /// <summary>Asks, and waits for the answer; events before it are dropped. Its payload, or the error's name.</summary>
    public string Ask(XenStoreMessageType type, string payload, uint transactionId = 0)
    {
        Send(type, payload, 77, transactionId);
        while (true)
        {
            var reply = Receive();
            Assert.That(reply, Is.Not.Null, "the connection ended");
            if (reply!.Value.Type == XenStoreMessageType.WatchEvent)
                continue;
            Assert.That(reply.Value.RequestId, Is.EqualTo(77));
            return reply.Value.Payload;
        }
    }

    /// <summary>Waits for the daemon to close the connection; what it says before is dropped.</summary>
    public void ExpectEnd()
    {
        while (Receive() is not null)
        {
        }
    }

    public void Dispose() => Socket.Dispose();

    private bool Fill(int count)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        while (_end < count)
        {
            int read;
            try
            {
                read = Socket.Receive(_buffer.AsSpan(_end));
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
            {
                return false;
            }
            if (read == 0)
                return false;
            _end += read;
        }
        return true;
    }
}
