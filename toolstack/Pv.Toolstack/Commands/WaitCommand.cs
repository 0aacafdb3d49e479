using System.Diagnostics;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl wait</c>: returns when a domain has come to a state, or cannot any more.</summary>
internal static class WaitCommand
{
    private const string States = "exists, running, paused, shutdown, poweroff, reboot, suspend, crash, watchdog, destroyed";

    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        if (words.Rest.Count > 2)
            throw new WrongUseException("", 2);
        var (word, state) = (words.Rest[0], words.Rest[1]);
        if (!States.Split(", ").Contains(state))
            throw new ToolstackException($"'{state}' is no state to wait for: {States}.", 2);
        var limit = Durations.Parse(words.Argument('t'));
        var time = Stopwatch.StartNew();

        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var limited = new CancellationTokenSource();
        if (limit is { } longest)
            limited.CancelAfter(longest);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, limited.Token, context.Terminal.Gone);
        try
        {
            await WaitAsync(context, word, state, stop.Token);
            await TellAsync(isReached: true);
            return 0;
        }
        catch (ToolstackException)
        {
            await TellAsync(isReached: false);
            throw;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return 128 + 2;
        }
        catch (OperationCanceledException) when (limited.IsCancellationRequested)
        {
            await context.ComplainAsync($"Domain {word}: {limit!.Value.TotalSeconds:0.###} s are over, and the state {state} has not come.");
            await TellAsync(isReached: false);
            return Durations.TimedOut;
        }

        async ValueTask TellAsync(bool isReached)
        {
            if (!context.IsJson)
                return;
            var told = new JObject { ["domain"] = word, ["state"] = state, ["reached"] = isReached, ["seconds"] = Math.Round(time.Elapsed.TotalSeconds, 3) };
            await context.PrintAsync(told.ToString(Formatting.Indented));
        }
    }

    /// <exception cref="ToolstackException">The state cannot come any more.</exception>
    private static async Task WaitAsync(CommandContext context, string word, string state, CancellationToken cancel)
    {
        // Listened to before the first look, so that nothing happens in between.
        await using var events = await context.Toolstack.Events.SubscribeAsync(devices: false);
        var domain = await context.TryFindAsync(word);
        if (IsReached(domain, state))
            return;
        var isReason = ReasonOf(state) != null;
        if (domain == null && isReason)
            throw new ToolstackException($"There is no domain {word} that could come to the state {state}.");

        ShutdownReason? last = domain is { HasShutDown: true } ? domain.Reason : null;
        await foreach (var happened in events.ReadAsync(cancel))
        {
            // After a loss nothing is known but what is there.
            if (happened.Kind == DomainEventKind.Lost && IsReached(await context.TryFindAsync(word), state))
                return;
            if (!happened.Concerns(word))
                continue;
            last = happened.Reason ?? last;
            if (IsReached(happened, state))
                return;
            var isNumber = DomainWords.TryNumber(word) != null;
            // Under its name another may come, above all after a reboot.
            if (happened.Kind == DomainEventKind.Destroyed && (isNumber || isReason && last != ShutdownReason.Reboot))
            {
                var why = last is { } reason ? $"shut down ({DomainEvent.WordOf(reason)}) and has gone" : "has gone";
                throw new ToolstackException($"Domain {word} {why}, and cannot come to the state {state} any more.");
            }
        }
    }

    private static bool IsReached(DomainView? domain, string state) => state switch
    {
        "destroyed" => domain == null,
        "shutdown" => domain is null or { HasShutDown: true },
        "exists" => domain != null,
        "paused" => domain is { HasShutDown: false } && (domain.Flags & DomainInfoFlags.Paused) != 0,
        "running" => domain is { HasShutDown: false } && (domain.Flags & (DomainInfoFlags.Paused | DomainInfoFlags.Dying)) == 0,
        _ => domain is { HasShutDown: true } && domain.Reason == ReasonOf(state),
    };

    private static bool IsReached(DomainEvent happened, string state) => (happened.Kind, state) switch
    {
        (DomainEventKind.Created, "exists") => true,
        (DomainEventKind.Running, "running" or "exists") => true,
        (DomainEventKind.Paused, "paused") => true,
        (DomainEventKind.Renamed, "exists") => true,
        (DomainEventKind.Shutdown, _) => state == "shutdown" || happened.Reason == ReasonOf(state),
        (DomainEventKind.Destroyed, "destroyed" or "shutdown") => true,
        _ => false,
    };

    private static ShutdownReason? ReasonOf(string state) => state switch
    {
        "poweroff" => ShutdownReason.PowerOff,
        "reboot" => ShutdownReason.Reboot,
        "suspend" => ShutdownReason.Suspend,
        "crash" => ShutdownReason.Crash,
        "watchdog" => ShutdownReason.Watchdog,
        _ => null,
    };
}
