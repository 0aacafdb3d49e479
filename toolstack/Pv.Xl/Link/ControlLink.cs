using System.Net.Sockets;
using Pv.Toolstack.Control;

namespace Pv.Xl.Link;

/// <summary>The connection to <c>pvd</c>: blocking, a frame at a time. One thread receives; any may send.</summary>
internal sealed class ControlLink : IDisposable
{
    private readonly Socket _socket;
    private readonly object _sending = new();
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end;

    private ControlLink(Socket socket)
    {
        _socket = socket;
    }

    /// <summary>Null when nobody listens.</summary>
    public static ControlLink? TryConnect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new ControlLink(socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    public void Send(ReadOnlyMemory<byte> frame)
    {
        lock (_sending)
            _socket.Send(frame.Span);
    }

    public void Send(PayloadWriter frame) => Send(frame.Finish());

    /// <summary>
    /// As the other, for what a conversation that is over can do without: false then. <c>pvd</c> closes the connection behind its last word, which
    /// may not be read yet.
    /// </summary>
    public bool TrySend(PayloadWriter frame)
    {
        try
        {
            Send(frame);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>The next frame; its payload stays valid until the next call. False when <c>pvd</c> has closed the connection.</summary>
    public bool TryReceive(out FrameHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        payload = default;
        if (!Fill(FrameHeader.Size))
            return false;
        header = FrameHeader.Parse(_buffer.AsSpan(_start));
        if (!Fill(FrameHeader.Size + header.Length))
            return false;
        payload = _buffer.AsSpan(_start + FrameHeader.Size, header.Length);
        _start += FrameHeader.Size + header.Length;
        return true;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Makes at least so many bytes stand in the buffer.</summary>
    private bool Fill(int wanted)
    {
        if (_end - _start >= wanted)
            return true;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (wanted > _buffer.Length)
            Array.Resize(ref _buffer, wanted);
        while (_end < wanted)
        {
            int read;
            try
            {
                read = _socket.Receive(_buffer.AsSpan(_end));
            }
            catch (SocketException)
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
