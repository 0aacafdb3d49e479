using Newtonsoft.Json;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl events</c>: what happens to domains, a line each, as it happens; first those that are there.</summary>
internal static class EventsCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        if (words.Rest.Count > 1)
            throw new WrongUseException("", 2);
        var wanted = words.Rest.Count == 1 ? words.Rest[0] : null;
        var count = words.Argument('n') is { } digits ? digits.ToCount() : int.MaxValue;
        var limit = Durations.Parse(words.Argument('t'));

        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var limited = new CancellationTokenSource();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, limited.Token, context.Terminal.Gone);
        await using var events = await context.Toolstack.Events.SubscribeAsync(devices: true);
        foreach (var domain in await context.Domains.ListAsync())
            await TellAsync(context, new DomainEvent(DomainEventKind.Exists, domain.Id, domain.Name) { Details = [("state", domain.State)] }, wanted);
        await context.FlushAsync();
        if (limit is { } time)
            limited.CancelAfter(time);
        try
        {
            await foreach (var happened in events.ReadAsync(stop.Token))
            {
                if (!await TellAsync(context, happened, wanted))
                    continue;
                await context.FlushAsync();
                if (--count == 0)
                    break;
            }
        }
        catch (OperationCanceledException) when (limited.IsCancellationRequested || interrupted.IsCancellationRequested)
        {
            // Whoever listened has heard enough.
        }
        return 0;
    }

    private static async Task<bool> TellAsync(CommandContext context, DomainEvent happened, string? wanted)
    {
        if (wanted != null && !happened.Concerns(wanted) && happened.Kind != DomainEventKind.Lost)
            return false;
        await context.PrintAsync(context.IsJson ? happened.ToJson().ToString(Formatting.None) : happened.ToLine(ColorOf(context, happened)));
        return true;
    }

    private static string? ColorOf(CommandContext context, DomainEvent happened)
    {
        var terminal = context.Terminal;
        if (!TerminalColor.IsWanted(terminal.Facts.Terminals.HasFlag(StandardStreams.Output), terminal.Variable("NO_COLOR"), terminal.Variable("TERM")))
            return null;
        return happened.Kind switch
        {
            DomainEventKind.Crash or DomainEventKind.Lost => TerminalColor.Red,
            DomainEventKind.Shutdown or DomainEventKind.Destroyed => TerminalColor.Yellow,
            DomainEventKind.Created or DomainEventKind.Running or DomainEventKind.Restarted => TerminalColor.Green,
            _ => null,
        };
    }

    /// <summary>Whether an event is of the domain that a word names, which may be gone or still to come.</summary>
    public static bool Concerns(this DomainEvent happened, string word)
        => DomainWords.TryNumber(word) is { } number ? happened.Domain == number
            : happened.Name == word || happened.Details.Any(detail => detail is { Name: "from", Value: string name } && name == word);

    private static int ToCount(this string digits)
        => int.TryParse(digits, out var count) && count > 0 ? count : throw new ToolstackException($"'{digits}' is no number of events: 1 or more.", 2);
}
