using Pv.Config;
using Pv.Config.Devices;
using Pv.Config.Json;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl network-attach</c>: so far its words are judged, and <c>-N</c> prints what they mean.</summary>
internal static class NetworkCommands
{
    public static async Task<int> AttachAsync(CommandContext context)
    {
        await context.FindAsync(context.Words.Rest[0]);
        var diagnostics = new ConfigDiagnostics();
        var nic = NicSpecificationParser.ParseWords([.. context.Words.Rest.Skip(1)], diagnostics);
        foreach (var line in diagnostics.Lines)
            await context.ComplainAsync(line);
        if (nic is null)
            return 1;
        if (!context.Global.DryRun)
            throw new ToolstackException("xl network-attach: network interfaces are not built yet in this version of Pv; -N shows what the words mean.");
        await context.PrintAsync($"vif: {YajlText.Render(DeviceJson.Convert(nic))}");
        await context.PrintAsync("");
        return 0;
    }
}
