using System.Text;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl list</c>: a line a domain, in xl's columns.</summary>
internal static class ListCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        if (words.Rest.Count > 1)
            throw new WrongUseException("", 1);
        IReadOnlyList<DomainView> domains = words.Rest.Count == 1
            ? [await context.FindAsync(words.Rest[0])]
            : await context.Domains.ListAsync();
        if (words.Has('l'))
        {
            await context.PrintAsync(DomainListJson.Of(context.Toolstack, domains));
            return 0;
        }
        await context.PrintAsync(Header(words.Has));
        foreach (var domain in domains)
            await context.PrintAsync(Row(domain, words.Has));
        return 0;
    }

    public static string Header(Func<char, bool> has)
    {
        var line = new StringBuilder($"{"Name",-40} {"ID",5} {"Mem",5} {"VCPUs",5}\tState\tTime(s)");
        if (has('v'))
            line.Append("   UUID                            Reason-Code\tSecurity Label");
        if (has('Z') && !has('v'))
            line.Append("   Security Label");
        if (has('c'))
            line.Append("         Cpupool");
        if (has('n'))
            line.Append(" NODE Affinity");
        return line.ToString();
    }

    public static string Row(DomainView domain, Func<char, bool> has)
    {
        var line = new StringBuilder(
            $"{domain.Name,-40} {domain.Id.Value,5} {domain.MemoryMiB,5} {domain.Vcpus,5}     {domain.State}  {domain.CpuTime / 1e9,8:F1}");
        if (has('v'))
            line.Append($" {domain.Uuid} {(domain.HasShutDown ? ((uint)domain.Reason).ToString("x") : "-"),8}");
        if (has('v') || has('Z'))
            line.Append($" {"-",16}");
        if (has('c'))
            line.Append($" {domain.Pool,15}");
        if (has('n'))
            line.Append(" all");
        return line.ToString();
    }
}
