namespace Pv.Toolstack.Commands;

/// <summary><c>xl dump-core</c>: a domain's registers and memory, for a debugger.</summary>
internal static class DumpCoreCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        await context.Domains.DumpCoreAsync(domain.Id, Path.GetFullPath(Path.Combine(context.Terminal.Directory, context.Words.Rest[1])), context.Terminal.Gone);
        return 0;
    }
}
