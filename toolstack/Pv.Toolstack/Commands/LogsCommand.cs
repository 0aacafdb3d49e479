using Pv.Abi;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl logs</c>: what a domain's console has said, from the log on disk; of domains that have ended, too, for a while.</summary>
internal static class LogsCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var (word, follow) = (context.Words.Rest[0], context.Words.Has('f'));
        var logs = context.Toolstack.ConsoleLogs;
        var domain = (await context.TryFindAsync(word))?.Id;
        if (domain == DomId.Dom0)
            throw new ToolstackException("Domain 0 is pvd itself: its log is pvd.log in the run directory.");
        var log = domain is { } id ? logs.Open(id, follow) : null;
        if (log == null && (log = logs.OpenEnded(word)) == null)
        {
            throw new ToolstackException(domain == null
                ? $"There is no domain {word}, and none of the last that have ended was called so."
                : $"Domain {word} has no console.");
        }
        if (follow && domain is { } followed)
            log = new FollowedConsole(context.Toolstack, followed, log, successor => logs.Open(successor, follow: true));
        await using var shown = log;
        var interrupted = follow ? await context.Terminal.TakeSignalsAsync() : CancellationToken.None;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        var chunk = new byte[1 << 15];
        try
        {
            while (await shown.ReadAsync(chunk, stop.Token) is > 0 and var read)
                await context.Terminal.WriteAsync(StandardStreams.Output, chunk.AsMemory(0, read)).AsTask().WaitAsync(stop.Token);
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            // Seen enough.
        }
        return 0;
    }
}
