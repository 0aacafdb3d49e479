namespace Pv.Toolstack.Commands;

/// <summary><c>xl unpause</c>. As with xl, a domain that was not paused is told of and no failure.</summary>
internal static class UnpauseCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        if (!await context.Domains.UnpauseAsync(domain.Id))
            await context.ComplainAsync($"Domain {domain.Name} was not paused.");
        return 0;
    }
}
