using System.Runtime.InteropServices;

namespace Pv.XenStore;

/// <summary>xenstored's end of a unix socket.</summary>
internal sealed class StoreSocket : IStoreStream, IPollable
{
    private readonly EpollWait _epoll;
    private readonly XenStoreConnection _connection;
    private readonly Action<XenStoreConnection>? _closed;
    private readonly int _descriptor;
    private readonly int _place;
    private PollEvents _wanted = PollEvents.Input;
    private bool _isReadable;
    private bool _isWritable = true;
    private bool _isHungUp;

    /// <summary>Takes over a connected descriptor that does not wait.</summary>
    /// <param name="epoll">What the loop sleeps on.</param>
    /// <param name="descriptor">The socket.</param>
    /// <param name="connection">Who speaks on it.</param>
    /// <param name="closed">Called once it is closed, by whichever side.</param>
    /// <exception cref="IOException">The system cannot wait for one more; the socket is closed.</exception>
    public StoreSocket(EpollWait epoll, int descriptor, XenStoreConnection connection, Action<XenStoreConnection>? closed)
    {
        _epoll = epoll;
        _descriptor = descriptor;
        _connection = connection;
        _closed = closed;
        _place = epoll.Watch(descriptor, this);
        if (_place >= 0)
            return;
        _ = LinuxCalls.Close(descriptor);
        throw new IOException("The system cannot wait for one more socket.");
    }

    /// <summary>A socket that broke says so by hanging up, and so ends as any other.</summary>
    public string? Fault => null;

    public bool IsEnded { get; private set; }

    public void Ready(PollEvents events)
    {
        _isReadable = (events & (PollEvents.Input | PollEvents.HangUp | PollEvents.Error)) != 0;
        _isWritable |= (events & PollEvents.Output) != 0;
        _isHungUp |= (events & (PollEvents.HangUp | PollEvents.Error)) != 0;
        _connection.Run();
    }

    public int Read(Span<byte> into)
    {
        if (!_isReadable || IsEnded)
            return 0;
        var count = (int)LinuxCalls.Receive(_descriptor, ref into[0], into.Length, LinuxCalls.DoNotWait);
        // Less than there was room for is all that there was: what comes later is told again.
        _isReadable = count == into.Length;
        IsEnded = count == 0 || (count < 0 && _isHungUp);
        return Math.Max(0, count);
    }

    public int Write(ReadOnlySpan<byte> bytes)
    {
        // Nobody will read it any more. What was asked for is still done.
        if (_isHungUp)
            return bytes.Length;
        if (!_isWritable)
            return 0;
        var count = Math.Max(0, (int)LinuxCalls.Send(_descriptor, ref MemoryMarshal.GetReference(bytes), bytes.Length, LinuxCalls.DoNotWait | LinuxCalls.NoSignal));
        _isWritable = count == bytes.Length;
        return count;
    }

    public void Flush(bool takesMore)
    {
        var wanted = (takesMore && !IsEnded ? PollEvents.Input : PollEvents.None) | (_isWritable ? PollEvents.None : PollEvents.Output);
        if (wanted == _wanted)
            return;
        _wanted = wanted;
        _epoll.Change(_place, wanted);
    }

    public void Close()
    {
        _epoll.Leave(_place);
        _ = LinuxCalls.Close(_descriptor);
        _closed?.Invoke(_connection);
    }

    public void End() => _connection.Stop();
}
