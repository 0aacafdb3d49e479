using System.Text;
using Pv.Abi;

namespace Pv.Dom0.Consoles;

/// <summary>
/// One domain's console: keeps the end of what is said there in memory and on disk, for readers who come for it by themselves, and hands what
/// they type to whoever speaks there now. Before the domain runs that may be its boot loader.
/// </summary>
/// <remarks>Any thread; one end speaks at a time. One without a log is kept in memory alone.</remarks>
internal sealed class DomainConsole(DomId domain, ConsoleLog? log, int scrollbackBytes, Action<string> report) : IConsoleListener, IAsyncDisposable
{
    private readonly Scrollback _scrollback = new(scrollbackBytes);
    private readonly Lock _lock = new();
    private readonly List<ConsoleReader> _readers = [];
    private volatile IConsoleEnd? _end;
    private volatile bool _isOver;

    /// <summary>No more will come: the domain is gone, or its ring is.</summary>
    public bool IsOver => _isOver;

    /// <summary>Whether somebody speaks there now.</summary>
    public bool IsConnected => _end != null;

    /// <summary>Says who speaks there from now on; null for nobody for a while. Whoever spoke before is the caller's to end.</summary>
    public void Connect(IConsoleEnd? end) => _end = end;

    /// <summary>What has passed through its ring; null where it has none.</summary>
    public ConsoleCounts? Measure() => (_end as ConsoleRing)?.Measure();

    /// <summary>One more reader, from the oldest byte that is kept.</summary>
    public ConsoleReader Attach() => Attach(new ConsoleReader(this, _scrollback));

    /// <summary>One more reader, of the log on disk.</summary>
    public ConsoleReader OpenLog(bool follow) => Attach(new ConsoleReader(this, log ?? throw new InvalidOperationException("This console has no log."), follow));

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

    /// <summary>Hands over what was typed; it is lost while nobody speaks there. False: the console is over.</summary>
    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel)
        => _end?.WriteAsync(typed, cancel) ?? ValueTask.FromResult(!_isOver);

    /// <summary>Somebody has said this.</summary>
    public void Keep(ReadOnlySpan<byte> bytes)
    {
        // First on disk: what somebody has seen is in the log, however pvd ends.
        log?.Append(bytes);
        _scrollback.Append(bytes);
        WakeReaders();
    }

    public ValueTask HearAsync(ReadOnlyMemory<byte> bytes)
    {
        Keep(bytes.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>Ends the console because its ring cannot be true.</summary>
    public void Break(string reason)
    {
        report($"{domain}: console given up: {reason}");
        // Before the end is said: whoever sees the end reads no further.
        _scrollback.Append(Encoding.UTF8.GetBytes("\r\n[the console is broken: its ring makes no sense]\r\n"));
        _isOver = true;
        WakeReaders();
    }

    /// <summary>Ends the console when all that was said there has been taken.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_end is { } end)
            await end.DisposeAsync();
        _isOver = true;
        log?.Dispose();
        WakeReaders();
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
