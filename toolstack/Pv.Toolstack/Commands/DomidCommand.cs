using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl domid</c>: from a name to a number.</summary>
internal static class DomidCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var name = context.Words.Rest[0];
        var domain = (await context.Domains.ListAsync()).FirstOrDefault(domain => domain.Name == name)
            ?? throw new ToolstackException($"Can't get domid of domain name '{name}', maybe this domain does not exist.");
        await context.PrintAsync($"{domain.Id.Value}");
        return 0;
    }
}
