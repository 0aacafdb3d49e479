using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Control;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Commands;

/// <summary>What <c>pvd</c> logs while a command is at work, on that command's error output: a level for each global <c>-v</c>, with the time after <c>-T</c>.</summary>
/// <remarks>Lines of other commands' work are among them. A terminal that is too slow misses some.</remarks>
internal sealed class VerboseLog : IAsyncDisposable
{
    private const int LinesKept = 1024;

    private readonly Channel<string> _lines = Channel.CreateBounded<string>(new BoundedChannelOptions(LinesKept) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly IDisposable _following;
    private readonly Task _writing;

    private VerboseLog(LogFeed log, GlobalWords global, ICommandTerminal terminal)
    {
        _following = log.Follow((LogDepth)global.Verbosity, line => _lines.Writer.TryWrite(
            (global.Timestamps ? string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd HH:mm:ss} UTC [{Environment.ProcessId}] ") : "") + $"pvd: {line}\n"));
        _writing = WriteAsync(terminal);
    }

    /// <summary>Begins; null where nobody asked for it.</summary>
    public static VerboseLog? Begin(LogFeed log, GlobalWords global, ICommandTerminal terminal) => global.Verbosity > 0 ? new VerboseLog(log, global, terminal) : null;

    public async ValueTask DisposeAsync()
    {
        _following.Dispose();
        _lines.Writer.TryComplete();
        await _writing;
    }

    private async Task WriteAsync(ICommandTerminal terminal)
    {
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(terminal.Gone))
                await terminal.WriteAsync(StandardStreams.Error, Encoding.UTF8.GetBytes(line));
        }
        catch (OperationCanceledException)
        {
            // Nobody looks any more.
        }
    }
}
