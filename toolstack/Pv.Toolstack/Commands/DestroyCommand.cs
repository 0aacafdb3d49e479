using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl destroy</c>: ends a domain at once.</summary>
internal static class DestroyCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var word = context.Words.Rest[0];
        if (await context.TryFindAsync(word) is not { } domain)
        {
            await context.ComplainAsync(DomainWords.TryNumber(word) == null
                ? $"{word} is an invalid domain identifier (rc=-6)"
                : $"Domain {word} does not exist.\ndestroy failed (rc=-21)");
            return 1;
        }
        if (domain.Id == DomId.Dom0)
        {
            throw new ToolstackException(context.Words.Has('f')
                ? "Domain 0 is pvd itself and cannot be destroyed; stop pvd to end it with all its domains.\ndestroy failed (rc=-6)"
                : "Not destroying domain 0; use -f to force.\nThis can only be done when using a disaggregated hardware domain and toolstack.\n");
        }
        await context.WithProgressAsync($"Destroying domain {domain.Name}", context.Domains.DestroyAsync(domain.Id));
        return 0;
    }
}
