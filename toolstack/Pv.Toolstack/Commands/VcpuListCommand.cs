using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl vcpu-list</c>: a line a vCPU, in xl's columns.</summary>
internal static class VcpuListCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        await context.PrintAsync($"{"Name",-32} {"ID",5} {"VCPU",5} {"CPU",5} State   Time(s) Affinity (Hard / Soft)");
        var domains = new List<DomainView>();
        foreach (var word in context.Words.Rest)
            domains.Add(await context.FindAsync(word));
        foreach (var domain in context.Words.Rest.Count == 0 ? await context.Domains.ListAsync() : domains)
        {
            foreach (var vcpu in await context.Domains.ListVcpusAsync(domain.Id))
                await context.PrintAsync(Row(domain, vcpu));
        }
        return 0;
    }

    private static string Row(DomainView domain, VcpuView vcpu)
    {
        var (cpu, state) = vcpu.IsOnline
            ? ($"{vcpu.Cpu}", $"{(vcpu.IsRunning ? 'r' : '-')}{(vcpu.IsBlocked ? 'b' : '-')}-")
            : ("-", "--p");
        return $"{domain.Name,-32} {domain.Id.Value,5} {vcpu.Id.Value,5}{cpu,5}   {state} {vcpu.CpuTime / 1e9,9:F1}  {vcpu.HardAffinity} / {vcpu.SoftAffinity}";
    }
}
