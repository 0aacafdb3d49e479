using System.Globalization;
using Pv.Config;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl vcpu-pin</c>: on which CPUs vCPUs may run, and on which they should.</summary>
internal static class VcpuPinCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words.Rest;
        var domain = await context.FindAsync(words[0]);
        uint? vcpu = words[1] == "all" ? null
            : uint.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new ToolstackException($"Error: Invalid argument {words[1]} as VCPU.");
        var hard = await ReadAsync(context, words[2]);
        var soft = words.Count > 3 ? await ReadAsync(context, words[3]) : null;
        if (context.Global.DryRun)
        {
            await context.PrintAsync($"cpumap: {hard?.ToString() ?? "-"}{(soft is null ? "" : $" {soft}")}");
            return 0;
        }
        if (hard is { Count: 0 })
            throw new ToolstackException("vcpu hard affinity map is empty");
        if (hard is null && soft is null)
            return 0;
        var all = await context.Domains.ListVcpusAsync(domain.Id);
        if (vcpu is { } one && all.All(known => known.Id.Value != one))
            throw new ToolstackException($"Domain {domain.Name} has no vCPU {one}.");
        foreach (var known in all)
        {
            if (vcpu is null || known.Id.Value == vcpu)
                context.Toolstack.Processors.Pin(domain.Id, known.Id, hard, soft);
        }
        return 0;
    }

    /// <summary>A set of CPUs; null for a dash, which leaves it as it is.</summary>
    private static async Task<CpuMap?> ReadAsync(CommandContext context, string word)
    {
        if (word == "-")
            return null;
        var diagnostics = new ConfigDiagnostics();
        var map = CpuMap.Parse(word, context.Topology(), diagnostics);
        return map ?? throw new ToolstackException(string.Join('\n', diagnostics.Lines));
    }
}
