using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl claims</c> and <c>xl sharing</c>: memory that was promised to domains, and memory that they have in common.</summary>
internal static class MemoryListCommands
{
    /// <summary>A line a domain of <c>xl list</c>, with what it has claimed and not yet taken.</summary>
    public static async Task<int> ListClaimsAsync(CommandContext context)
    {
        await context.PrintAsync(ListCommand.Header(static _ => false) + "  Claimed");
        foreach (var domain in await context.Domains.ListAsync())
            await context.PrintAsync($"{ListCommand.Row(domain, static _ => false)} {domain.Claimed * Pv.Abi.PageSize.Bytes >> 20,5}");
        return 0;
    }

    /// <summary>Domains share pages only where one grants them to another, which is no sharing in xl's sense: the hypervisor makes no copies one.</summary>
    public static async Task<int> ListSharedAsync(CommandContext context)
    {
        var words = context.Words;
        if (words.Rest.Count > 1)
            throw new WrongUseException("", 2);
        IReadOnlyList<DomainView> domains = words.Rest.Count == 1 ? [await context.FindAsync(words.Rest[0])] : await context.Domains.ListAsync();
        await context.PrintAsync($"{"Name",-40} {"ID",5} {"Mem",5} Shared");
        foreach (var domain in domains)
            await context.PrintAsync($"{domain.Name,-40} {domain.Id.Value,5} {domain.MemoryMiB,5}  {0,5}");
        return 0;
    }
}
