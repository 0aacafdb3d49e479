using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// Two byte rings in one page and the event channel between their ends: a console, or a connection to xenstore. The same class is the
/// front end's and the back end's, with the rings' directions exchanged.
/// </summary>
/// <remarks>
/// One reader and one writer at a time, which may be two. It takes the channel's handler over. The page's owner disposes of the page
/// and of the channel; closing the channel ends waiting reads with 0 and waiting writes with an exception.
/// </remarks>
public sealed class ByteRingChannel
{
    private readonly ByteRingWriter _writer;
    private readonly ByteRingReader _reader;
    private readonly EventChannel _channel;
    private readonly EventSignal _readable = new();
    private readonly EventSignal _writable = new();

    public ByteRingChannel(SharedPage page, ByteRingLayout outgoing, ByteRingLayout incoming, EventChannel channel)
    {
        _writer = new ByteRingWriter(page, outgoing);
        _reader = new ByteRingReader(page, incoming);
        _channel = channel;
        channel.Closed = Close;
        channel.Handler = Wake;
    }

    public static ByteRingChannel ConsoleFront(SharedPage page, EventChannel channel)
        => new(page, ByteRingLayout.ConsoleOut, ByteRingLayout.ConsoleIn, channel);

    public static ByteRingChannel ConsoleBack(SharedPage page, EventChannel channel)
        => new(page, ByteRingLayout.ConsoleIn, ByteRingLayout.ConsoleOut, channel);

    public static ByteRingChannel XenStoreFront(SharedPage page, EventChannel channel)
        => new(page, ByteRingLayout.XenStoreRequests, ByteRingLayout.XenStoreResponses, channel);

    public static ByteRingChannel XenStoreBack(SharedPage page, EventChannel channel)
        => new(page, ByteRingLayout.XenStoreResponses, ByteRingLayout.XenStoreRequests, channel);

    /// <summary>Waits for bytes and takes as many as fit. 0: the channel is closed.</summary>
    /// <exception cref="RingCorruptException">The peer's indices are impossible.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> into)
    {
        while (true)
        {
            var read = TryRead(into.Span);
            if (read > 0 || into.IsEmpty)
                return read;
            if (!await _readable.WaitAsync())
                return 0;
        }
    }

    /// <summary>Takes what there is, without waiting; 0 when there is nothing.</summary>
    /// <exception cref="RingCorruptException">The peer's indices are impossible.</exception>
    public int TryRead(Span<byte> into)
    {
        if (_reader.TryRead(into, out var read, out var wasFull) == RingResult.Corrupt)
            throw new RingCorruptException(_reader.Corruption!);
        if (wasFull)
            _channel.Notify();
        return read;
    }

    /// <summary>Puts all bytes into the ring, waiting for room where there is none.</summary>
    /// <exception cref="RingCorruptException">The peer's indices are impossible.</exception>
    /// <exception cref="ObjectDisposedException">The channel was closed before all was written.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var written = TryWrite(bytes.Span);
            bytes = bytes[written..];
            if (written == 0 && !await _writable.WaitAsync())
                throw new ObjectDisposedException(nameof(EventChannel));
        }
    }

    /// <summary>Puts as many bytes into the ring as it has room for, without waiting, and says how many.</summary>
    /// <exception cref="RingCorruptException">The peer's indices are impossible.</exception>
    public int TryWrite(ReadOnlySpan<byte> bytes)
    {
        if (_writer.TryWrite(bytes, out var written) == RingResult.Corrupt)
            throw new RingCorruptException(_writer.Corruption!);
        if (written > 0)
            _channel.Notify();
        return written;
    }

    private void Wake()
    {
        _readable.Set();
        _writable.Set();
    }

    private void Close()
    {
        _readable.Close();
        _writable.Close();
    }
}
