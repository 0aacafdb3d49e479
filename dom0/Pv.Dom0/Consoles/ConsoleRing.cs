using Pv.Guest;

namespace Pv.Dom0.Consoles;

/// <summary>The back end of a console's ring: takes what the domain writes as it comes, and gives the domain what is typed.</summary>
/// <remarks>
/// Output is one loop that waits for the listener alone. Input goes straight from the typist to the ring, one at a time, and waits there while the ring is full.
/// A domain whose indices cannot be true loses its console.
/// </remarks>
internal sealed class ConsoleRing : IConsoleEnd
{
    /// <summary>Bytes taken from the ring at once: all that it holds.</summary>
    private const int ChunkBytes = 2048;

    private readonly IConsoleListener _listener;
    private readonly IConsoleChannel _channel;
    private readonly ByteRingReader _output;
    private readonly ByteRingWriter _input;
    private readonly EventSignal _work = new();
    private readonly EventSignal _room = new();
    private readonly SemaphoreSlim _typing = new(1, 1);
    private readonly Task _loop;
    private volatile bool _isOver;
    private bool _hasGivenUp;
    private long _out, _in;

    public ConsoleRing(IConsoleListener listener, IConsoleChannel channel)
    {
        _listener = listener;
        _channel = channel;
        _output = new ByteRingReader(channel.Page, ByteRingLayout.ConsoleOut);
        _input = new ByteRingWriter(channel.Page, ByteRingLayout.ConsoleIn);
        channel.Handler = Wake;
        // What came before there was anybody to call.
        Wake();
        _loop = Task.Run(RunAsync);
    }

    /// <summary>What has passed through it.</summary>
    public ConsoleCounts Measure() => new(Volatile.Read(ref _out), Volatile.Read(ref _in));

    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel)
    {
        await _typing.WaitAsync(cancel);
        try
        {
            using var wakeUp = cancel.UnsafeRegister(static signal => ((EventSignal)signal!).Set(), _room);
            while (!_isOver && !typed.IsEmpty)
            {
                cancel.ThrowIfCancellationRequested();
                if (_input.TryWrite(typed.Span, out var written) == RingResult.Corrupt)
                {
                    GiveUp(_input.Corruption!);
                    break;
                }
                typed = typed[written..];
                Volatile.Write(ref _in, _in + written);
                if (written > 0)
                    _channel.Notify();
                else
                    await _room.WaitAsync();
            }
            return !_isOver;
        }
        finally
        {
            _typing.Release();
        }
    }

    /// <summary>Ends it when all that the domain wrote has been taken, and lets its page go.</summary>
    public async ValueTask DisposeAsync()
    {
        _channel.Handler = null;
        _work.Close();
        await _loop;
        _isOver = true;
        _room.Close();
        // Whoever types sees the end before the page goes.
        await _typing.WaitAsync();
        _channel.Dispose();
        _typing.Release();
    }

    private async Task RunAsync()
    {
        var chunk = new byte[ChunkBytes];
        try
        {
            while (await _work.WaitAsync())
            {
                while (!_isOver && await TakeAsync(chunk))
                    await Task.Yield();
            }
            // The last words are the ones that are wanted; the ring holds no more of them than one chunk.
            if (!_isOver)
                await TakeAsync(chunk);
        }
        catch (Exception failure)
        {
            GiveUp(failure.ToString());
        }
    }

    private async ValueTask<bool> TakeAsync(byte[] chunk)
    {
        if (_output.TryRead(chunk, out var count, out var wasFull) == RingResult.Corrupt)
            GiveUp(_output.Corruption!);
        if (count == 0)
            return false;
        Volatile.Write(ref _out, _out + count);
        if (wasFull)
            _channel.Notify();
        await _listener.HearAsync(chunk.AsMemory(0, count));
        return true;
    }

    private void GiveUp(string reason)
    {
        // Whoever types may find it at the same time as the loop, and it is said once.
        if (_isOver || Interlocked.Exchange(ref _hasGivenUp, true))
            return;
        _isOver = true;
        _listener.Break(reason);
        _room.Set();
    }

    private void Wake()
    {
        _work.Set();
        _room.Set();
    }
}
