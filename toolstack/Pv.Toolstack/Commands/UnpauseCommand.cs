namespace Pv.Toolstack.Commands;

/// <summary><c>xl unpause</c>.</summary>
internal static class UnpauseCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        await context.Domains.UnpauseAsync(domain.Id);
        return 0;
    }
}
