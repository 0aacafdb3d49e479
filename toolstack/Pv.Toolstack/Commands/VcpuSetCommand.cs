using System.Globalization;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl vcpu-set</c>: how many vCPUs a domain's kernel is to use.</summary>
internal static class VcpuSetCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var (word, number) = (context.Words.Rest[0], context.Words.Rest[1]);
        var domain = await context.FindAsync(word);
        if (!uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            throw new ToolstackException($"Error: Invalid argument. '{number}' is no number of vCPUs.");
        var cpus = context.Toolstack.Host.Describe().Physical.CpuCount;
        // Fewer than there are now is never too many.
        if (!context.Words.Has('i') && count > cpus && count > domain.Vcpus)
        {
            throw new ToolstackException(
                $"You are overcommmitting! You have {cpus} physical CPUs and want {count} vCPUs! Aborting, use --ignore-host to continue");
        }
        await context.Domains.SetOnlineVcpusAsync(domain.Id, count);
        return 0;
    }
}
