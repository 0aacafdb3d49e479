using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl shutdown</c> and <c>xl reboot</c>: a domain is asked, and obeys or not.</summary>
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
            ? [.. (await context.Domains.ListAsync()).Where(domain => domain.Id != DomId.Dom0)]
            : [await context.FindAsync(words.Rest[0])];

        var waiting = words.Has('w');
        var interrupted = waiting ? await context.Terminal.TakeSignalsAsync() : CancellationToken.None;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        // Watched before they are asked, so that none can be gone before it is looked at.
        var ends = domains.Select(domain => waiting ? context.Domains.WaitForShutdownAsync(domain.Id, end.Token) : null).ToArray();
        foreach (var domain in domains)
        {
            await context.ComplainAsync($"{doing} domain {domain.Id.Value}");
            await context.Domains.AskToShutDownAsync(domain.Id, request);
        }
        if (!waiting)
            return 0;
        await context.ComplainAsync($"Waiting for {domains.Count} domains");
        for (var i = 0; i < ends.Length; i++)
        {
            await context.FlushAsync();
            try
            {
                var reason = await ends[i]!;
                await context.ComplainAsync(reason is { } code
                    ? $"Domain {domains[i].Id.Value} has been shut down, reason code {(uint)code}"
                    : $"Domain {domains[i].Id.Value} has been destroyed");
            }
            catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
            {
                return 128 + 2;
            }
        }
        return 0;
    }
}
