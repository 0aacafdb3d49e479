namespace Pv.Toolstack.Commands;

/// <summary><c>xl dump-core</c>: a domain's registers and memory, for a debugger.</summary>
internal static class DumpCoreCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        var path = Path.GetFullPath(Path.Combine(context.Terminal.Directory, context.Words.Rest[1]));
        await context.WithProgressAsync($"Dumping domain {domain.Name}", context.Domains.DumpCoreAsync(domain.Id, path, context.Terminal.Gone));
        return 0;
    }
}
