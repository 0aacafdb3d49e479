namespace Pv.Toolstack.Commands;

/// <summary><c>xl suspend</c> and <c>xl resume</c>: a domain sleeps in memory, and runs on.</summary>
internal static class SuspensionCommands
{
    public static async Task<int> SuspendAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        await context.Domains.SuspendAsync(domain.Id, context.Terminal.Gone);
        return 0;
    }

    public static async Task<int> ResumeAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        await context.Domains.ResumeAsync(domain.Id);
        return 0;
    }
}
