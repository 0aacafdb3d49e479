using System.Text;
using Pv.Guest;
using Pv.Toolstack.Domains;

namespace Pv.Dom0.Consoles;

/// <summary>One who looks at a console, and perhaps types: no more than a position in what is kept of it, and a bell.</summary>
/// <remarks>
/// One read and one write at a time, which may be two threads. With <paramref name="follow"/> the end is the console's, else that of what was kept.
/// </remarks>
internal sealed class ConsoleReader(DomainConsole console, IConsoleHistory history, bool follow = true) : IConsoleReader
{
    private readonly EventSignal _moved = new();
    private byte[] _mark = [];
    private long _position = history.Start;

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        if (buffer.IsEmpty)
            return 0;
        using var wakeUp = cancel.UnsafeRegister(static signal => ((EventSignal)signal!).Set(), _moved);
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            // Looked at before the ring: what came before the end is still read.
            var isOver = console.IsOver;
            if (Take(buffer.Span) is > 0 and var count)
                return count;
            if (isOver || !follow || !await _moved.WaitAsync())
                return 0;
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel)
    {
        if (!await console.WriteAsync(typed, cancel))
            throw new IOException("The console is gone.");
    }

    public ValueTask DisposeAsync()
    {
        console.Detach(this);
        _moved.Close();
        return ValueTask.CompletedTask;
    }

    public void Wake() => _moved.Set();

    private int Take(Span<byte> into)
    {
        if (_mark.Length == 0)
        {
            var count = history.Read(ref _position, into, out var lost);
            if (lost == 0)
                return count;
            // The bytes behind the gap are taken again, after the mark that stands for it.
            _position -= count;
            _mark = Encoding.UTF8.GetBytes($"\r\n[{lost} bytes lost: too slow a reader]\r\n");
        }
        var part = Math.Min(_mark.Length, into.Length);
        _mark.AsSpan(0, part).CopyTo(into);
        _mark = _mark[part..];
        return part;
    }
}
