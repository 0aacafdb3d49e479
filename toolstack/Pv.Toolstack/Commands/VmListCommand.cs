namespace Pv.Toolstack.Commands;

/// <summary><c>xl vm-list</c>.</summary>
internal static class VmListCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        await context.PrintAsync($"{"UUID",-36}  {"ID",-5} name");
        foreach (var domain in await context.Domains.ListAsync())
            await context.PrintAsync($"{domain.Uuid}  {domain.Id.Value}    {domain.Name,-30}");
        return 0;
    }
}
