using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl rename</c>.</summary>
internal static class RenameCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        try
        {
            await context.Domains.RenameAsync(domain.Id, context.Words.Rest[1]);
            return 0;
        }
        catch (ToolstackException failure)
        {
            // Whatever it is, xl's exit code is 1 here.
            throw new ToolstackException($"Can't rename domain '{domain.Name}'. {failure.Message}");
        }
    }
}
