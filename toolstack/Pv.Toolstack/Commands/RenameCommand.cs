namespace Pv.Toolstack.Commands;

/// <summary><c>xl rename</c>.</summary>
internal static class RenameCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        await context.Domains.RenameAsync(domain.Id, context.Words.Rest[1]);
        return 0;
    }
}
