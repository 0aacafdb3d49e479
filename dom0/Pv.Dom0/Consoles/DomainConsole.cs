using System.Text;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Dom0.Consoles;

/// <summary>
/// The back end of one domain's console: takes what the domain writes as it comes, keeps the end of it in memory and on disk,
/// and gives the domain what readers type.
/// </summary>
/// <remarks>
/// Output is one loop that waits for nobody: readers come for it by themselves. Input goes straight from the typist to the ring, one at a time,
/// and waits there while the ring is full. A domain whose indices cannot be true loses its console.
/// </remarks>
internal sealed class DomainConsole : IAsyncDisposable
{
    /// <summary>Bytes taken from the ring at once: all that it holds.</summary>
    private const int ChunkBytes = 2048;

    private readonly IConsoleChannel _channel;
    private readonly ConsoleLog _log;
    private readonly Action<string> _report;
    private readonly ByteRingReader _output;
    private readonly ByteRingWriter _input;
    private readonly Scrollback _scrollback;
    private readonly EventSignal _work = new();
    private readonly EventSignal _room = new();
    private readonly SemaphoreSlim _typing = new(1, 1);
    private readonly Lock _lock = new();
    private readonly List<ConsoleReader> _readers = [];
    private readonly Task _loop;
    private volatile bool _isOver;

    public DomainConsole(DomId domain, IConsoleChannel channel, ConsoleLog log, int scrollbackBytes, Action<string> report)
    {
        Domain = domain;
        _channel = channel;
        _log = log;
        _report = report;
        _scrollback = new Scrollback(scrollbackBytes);
        _output = new ByteRingReader(channel.Page, ByteRingLayout.ConsoleOut);
        _input = new ByteRingWriter(channel.Page, ByteRingLayout.ConsoleIn);
        channel.Handler = Wake;
        // What came before there was anybody to call.
        Wake();
        _loop = Task.Run(RunAsync);
    }

    public DomId Domain { get; }

    /// <summary>No more will come: the domain is gone, or its ring is.</summary>
    public bool IsOver => _isOver;

    /// <summary>One more reader, from the oldest byte that is kept.</summary>
    public ConsoleReader Attach() => Attach(new ConsoleReader(this, _scrollback));

    /// <summary>One more reader, of the log on disk.</summary>
    public ConsoleReader OpenLog(bool follow) => Attach(new ConsoleReader(this, _log, follow));

    private ConsoleReader Attach(ConsoleReader reader)
    {
        lock (_lock)
            _readers.Add(reader);
        return reader;
    }

    public void Detach(ConsoleReader reader)
    {
        lock (_lock)
            _readers.Remove(reader);
    }

    /// <summary>Gives the domain what was typed. Waits for its turn, and while the domain takes nothing. False: the console is over.</summary>
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

    /// <summary>Ends the console when all that the domain wrote has been taken, and lets its page go.</summary>
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
        _log.Dispose();
        WakeReaders();
        _typing.Release();
    }

    private async Task RunAsync()
    {
        var chunk = new byte[ChunkBytes];
        try
        {
            while (await _work.WaitAsync())
            {
                while (!_isOver && Take(chunk))
                    await Task.Yield();
            }
            // The last words are the ones that are wanted; the ring holds no more of them than one chunk.
            if (!_isOver)
                Take(chunk);
        }
        catch (Exception failure)
        {
            GiveUp(failure.ToString());
        }
    }

    private bool Take(byte[] chunk)
    {
        if (_output.TryRead(chunk, out var count, out var wasFull) == RingResult.Corrupt)
            GiveUp(_output.Corruption!);
        if (count == 0)
            return false;
        if (wasFull)
            _channel.Notify();
        Keep(chunk.AsSpan(0, count));
        return true;
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        _scrollback.Append(bytes);
        _log.Append(bytes);
        WakeReaders();
    }

    private void GiveUp(string reason)
    {
        if (_isOver)
            return;
        _isOver = true;
        _report($"{Domain}: console given up: {reason}");
        _scrollback.Append(Encoding.UTF8.GetBytes("\r\n[the console is broken: its ring makes no sense]\r\n"));
        _room.Set();
        WakeReaders();
    }

    private void Wake()
    {
        _work.Set();
        _room.Set();
    }

    private void WakeReaders()
    {
        ConsoleReader[] readers;
        lock (_lock)
            readers = [.. _readers];
        foreach (var reader in readers)
            reader.Wake();
    }
}
