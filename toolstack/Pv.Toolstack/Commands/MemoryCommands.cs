using Pv.Config;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl mem-set</c> and <c>xl mem-max</c>: what a domain is to use, and what it may have.</summary>
internal static class MemoryCommands
{
    public static Task<int> SetTargetAsync(CommandContext context) => RunAsync(context, static (domains, domain, kib) => domains.SetMemoryTargetAsync(domain.Id, kib));

    public static Task<int> SetMaximumAsync(CommandContext context) => RunAsync(context, static (domains, domain, kib) => domains.SetMaxMemoryAsync(domain.Id, kib));

    private static async Task<int> RunAsync(CommandContext context, Func<IDomains, DomainView, ulong, Task> set)
    {
        var (word, size) = (context.Words.Rest[0], context.Words.Rest[1]);
        var domain = await context.FindAsync(word);
        if (!MemorySize.TryParseKiB(size, out var kib))
            throw new ToolstackException($"invalid memory size: {size}");
        await set(context.Domains, domain, (ulong)kib);
        return 0;
    }
}
