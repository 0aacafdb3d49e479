namespace Pv.Toolstack.Commands;

/// <summary><c>xl pause</c>.</summary>
internal static class PauseCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        await context.Domains.PauseAsync(domain.Id);
        return 0;
    }
}
