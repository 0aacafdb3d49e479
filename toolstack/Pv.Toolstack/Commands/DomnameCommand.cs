using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl domname</c>: from a number to a name.</summary>
internal static class DomnameCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var word = context.Words.Rest[0];
        var id = DomainWords.TryNumber(word) ?? throw new ToolstackException("Invalid domain id.\n");
        var domain = await context.Domains.FindAsync(id)
            ?? throw new ToolstackException($"Can't get domain name of domain id '{word}', maybe this domain does not exist.");
        await context.PrintAsync(domain.Name);
        return 0;
    }
}
