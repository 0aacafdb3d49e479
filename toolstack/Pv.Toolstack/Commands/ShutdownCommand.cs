using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Toolstack.Commands.Json;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Commands;

/// <summary>
/// <c>xl shutdown</c> and <c>xl reboot</c>: domains are asked, each kernel's answer is awaited, and with <c>-w</c> the domain's end. <c>-F</c> changes
/// nothing for paravirtualized domains: they have no power button to fall back to.
/// </summary>
internal static class ShutdownCommand
{
    public static Task<int> RunAsync(CommandContext context) => RunAsync(context, ShutdownRequest.PowerOff, "Shutting down");

    public static Task<int> RunRebootAsync(CommandContext context) => RunAsync(context, ShutdownRequest.Reboot, "Rebooting");

    private static async Task<int> RunAsync(CommandContext context, ShutdownRequest request, string doing)
    {
        var words = context.Words;
        if (words.Has('a') ? words.Rest.Count > 0 : words.Rest.Count == 0)
            throw new ToolstackException(words.Has('a') ? "You can't specify both -a and a domain id.\n" : "You must specify -a or a domain id.\n");
        IReadOnlyList<DomainView> domains = words.Has('a')
            ? [.. (await context.Domains.ListAsync()).Where(domain => domain.Id != DomId.Dom0 && !domain.HasShutDown)]
            : [await context.FindAsync(words.Rest[0])];

        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        // Watched before they are asked, so that none can be gone before it is looked at.
        Task<ShutdownReason?>[] ends = words.Has('w') ? [.. domains.Select(domain => context.Domains.WaitForShutdownAsync(domain.Id, end.Token))] : [];
        try
        {
            foreach (var domain in domains)
                await TellAsync(context, $"{doing} domain {domain.Id.Value}");
            await context.FlushAsync();
            var asked = domains.Select(domain => context.Domains.AskToShutDownAsync(domain.Id, request, end.Token)).ToArray();
            var refused = await TellRefusalsAsync(context, asked);
            if (ends.Length > 0)
                await TellEndsAsync(context, [.. domains.Zip(ends).Where((_, i) => asked[i].IsCompletedSuccessfully)]);
            if (context.IsJson)
                await context.PrintAsync(new JArray(domains.Select((domain, i) => Outcome(domain, asked[i], ends.ElementAtOrDefault(i)))).ToString(Formatting.Indented));
            return refused ? 1 : 0;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return 128 + 2;
        }
    }

    /// <summary>Waits for all answers. True if one was not what was asked for.</summary>
    private static async Task<bool> TellRefusalsAsync(CommandContext context, Task[] asked)
    {
        var refused = false;
        foreach (var answer in asked)
        {
            try
            {
                await context.WithProgressAsync("Waiting for a kernel's answer", answer);
            }
            catch (ToolstackException e)
            {
                refused = true;
                await context.ComplainAsync(e.Message);
            }
        }
        return refused;
    }

    private static async Task TellEndsAsync(CommandContext context, (DomainView Domain, Task<ShutdownReason?> End)[] waited)
    {
        await TellAsync(context, $"Waiting for {waited.Length} domains");
        foreach (var (domain, end) in waited)
        {
            await context.FlushAsync();
            await TellAsync(context, await context.WithProgressAsync($"Waiting for domain {domain.Name}", end) is { } reason
                ? $"Domain {domain.Id.Value} has been shut down, reason code {(uint)reason}"
                : $"Domain {domain.Id.Value} has been destroyed");
        }
    }

    /// <summary>What goes on; whoever wants JSON hears it there.</summary>
    private static ValueTask TellAsync(CommandContext context, string line) => context.IsJson ? ValueTask.CompletedTask : context.ComplainAsync(line);

    /// <param name="domain">Who was asked.</param>
    /// <param name="asked">Its kernel's answer.</param>
    /// <param name="end">Its end, if that was waited for.</param>
    private static JObject Outcome(DomainView domain, Task asked, Task<ShutdownReason?>? end)
    {
        var json = JsonViews.Named(domain);
        json["taken"] = asked.IsCompletedSuccessfully;
        json["ended"] = asked.IsCompletedSuccessfully && end is { IsCompletedSuccessfully: true };
        json["reason"] = end is { IsCompletedSuccessfully: true, Result: { } reason } ? DomainEvent.WordOf(reason) : "";
        json["error"] = asked.Exception?.InnerException?.Message ?? "";
        return json;
    }
}
