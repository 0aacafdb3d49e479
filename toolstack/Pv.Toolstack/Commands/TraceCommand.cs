using System.Text;
using Newtonsoft.Json;
using Pv.Toolstack.Commands.Json;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl trace</c>: switches a domain's trace, prints it, or counts it.</summary>
internal static class TraceCommand
{
    /// <summary>How often a follower looks for more. A trace fills without telling anybody, so that it costs the traced domain least.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        switch (context.Words.Rest[1])
        {
            case "on" or "off":
                if (!context.Toolstack.Traces.TrySwitch(domain.Id, context.Words.Rest[1] == "on"))
                    throw new ToolstackException($"Domain {domain.Name} has gone.");
                return 0;
            case "counts":
                await PrintCountsAsync(context, domain);
                return 0;
            case "show":
                await ShowAsync(context, domain);
                return 0;
            default:
                throw new WrongUseException("", 2);
        }
    }

    private static async Task PrintCountsAsync(CommandContext context, DomainView domain)
    {
        if (context.Toolstack.Traces.Count(domain.Id) is not { } counts)
            throw new ToolstackException($"Domain {domain.Name} has gone.");
        if (context.IsJson)
        {
            await context.PrintAsync(TraceJson.Of(counts).ToString(Formatting.Indented));
            return;
        }
        foreach (var (number, count) in counts.Hypercalls.OrderByDescending(pair => pair.Value))
            await context.PrintAsync($"{count,12} {TraceText.Name((ulong)number)}");
        foreach (var (vector, count) in counts.Exceptions.OrderByDescending(pair => pair.Value))
            await context.PrintAsync($"{count,12} exception {vector}");
    }

    private static async Task ShowAsync(CommandContext context, DomainView domain)
    {
        await using var file = OpenFile(context);
        var follow = context.Words.Has('f');
        var interrupted = follow ? await context.Terminal.TakeSignalsAsync() : CancellationToken.None;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        ulong seen = 0;
        while (context.Toolstack.Traces.Read(domain.Id) is { } calls)
        {
            foreach (var call in calls.Where(call => call.Sequence > seen))
            {
                seen = call.Sequence;
                var line = context.IsJson ? TraceJson.Of(call).ToString(Formatting.None) : TraceText.Line(call);
                if (file == null)
                    await context.PrintAsync(line);
                else
                    await file.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
            }
            await context.FlushAsync();
            if (!follow)
                return;
            await Task.Delay(Pace, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (end.IsCancellationRequested)
                return;
        }
    }

    private static FileStream? OpenFile(CommandContext context)
        => context.Words.Argument('o') is { } name ? context.CreateFile(name, "trace") : null;
}
