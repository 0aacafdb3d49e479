using System.Globalization;
using Pv.Abi;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl sched-rtds</c>: periods and budgets of vCPUs.</summary>
internal static class RealTimeCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        var vcpus = words.Arguments('v');
        var changes = Changes(words.Arguments('p'), words.Arguments('b'), words.Arguments('e'), vcpus.Count);
        if (words.Argument('d') is not { } word)
        {
            if (changes.Count > 0 || vcpus.Any(vcpu => vcpu != "all"))
                throw new ToolstackException("Must specify a domain.");
            return await ListAsync(context, vcpus.Count > 0);
        }
        var domain = await context.FindAsync(word);
        if (changes.Count > 0)
        {
            Set(context.Toolstack.Processors, domain, vcpus, changes);
            return 0;
        }
        await context.PrintAsync(Header(vcpus.Count > 0));
        await PrintAsync(context, domain, vcpus);
        return 0;
    }

    private static async Task<int> ListAsync(CommandContext context, bool eachVcpu)
    {
        foreach (var pool in ShareCommands.PoolsOf(context, SchedulerId.Rtds))
        {
            await context.PrintAsync($"Cpupool {pool.Name}: sched=RTDS");
            await context.PrintAsync(Header(eachVcpu));
            foreach (var domain in (await context.Domains.ListAsync()).Where(domain => domain.Pool == pool.Name))
                await PrintAsync(context, domain, eachVcpu ? ["all"] : []);
        }
        return 0;
    }

    private static string Header(bool eachVcpu) => eachVcpu
        ? $"{"Name",-33} {"ID",4} {"VCPU",4} {"Period",9} {"Budget",9} {"Extratime",10}"
        : $"{"Name",-33} {"ID",4} {"Period",9} {"Budget",9} {"Extratime",10}";

    private static async Task PrintAsync(CommandContext context, DomainView domain, IReadOnlyList<string> vcpus)
    {
        var processors = context.Toolstack.Processors;
        if (vcpus.Count == 0)
        {
            var defaults = processors.GetParameters(domain.Id, SchedulerId.Rtds).Rtds;
            await context.PrintAsync($"{domain.Name,-33} {domain.Id.Value,4} {defaults.Period,9} {defaults.Budget,9} {ExtraTime(defaults),10}");
            return;
        }
        var all = processors.GetRealTime(domain.Id);
        foreach (var vcpu in Select(domain, all, vcpus))
        {
            var own = all[vcpu].Rtds;
            await context.PrintAsync($"{domain.Name,-33} {domain.Id.Value,4} {vcpu,4} {own.Period,9} {own.Budget,9} {ExtraTime(own),10}");
        }
    }

    private static string ExtraTime(DomctlSchedRtds parameters) => parameters.Flags.HasFlag(SchedRtdsFlags.ExtraTime) ? "yes" : "no";

    private static void Set(IProcessors processors, DomainView domain, IReadOnlyList<string> vcpus, IReadOnlyList<DomctlSchedRtds> changes)
    {
        var all = processors.GetRealTime(domain.Id);
        IReadOnlyList<string> which = vcpus.Count == 0 ? ["all"] : vcpus;
        var changed = new List<DomctlSchedVcpu>();
        for (var i = 0; i < changes.Count; i++)
        {
            foreach (var vcpu in Select(domain, all, [which[i]]))
                changed.Add(all[vcpu] with { Rtds = changes[i] });
        }
        processors.SetRealTime(domain.Id, [.. changed]);
    }

    private static IEnumerable<int> Select(DomainView domain, DomctlSchedVcpu[] all, IReadOnlyList<string> vcpus)
    {
        if (vcpus.Contains("all"))
            return Enumerable.Range(0, all.Length);
        return vcpus.Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var vcpu) && vcpu < all.Length
            ? vcpu : throw new ToolstackException($"Domain {domain.Name} has no vCPU {word}."));
    }

    /// <summary>One for each vCPU that was named; one for all when none was.</summary>
    private static List<DomctlSchedRtds> Changes(IReadOnlyList<string> periods, IReadOnlyList<string> budgets, IReadOnlyList<string> extras, int vcpus)
    {
        if (periods.Count == 0 && budgets.Count == 0 && extras.Count == 0)
            return [];
        if (periods.Count != budgets.Count || (extras.Count != 0 && extras.Count != periods.Count) || periods.Count != Math.Max(1, vcpus))
            throw new ToolstackException("Incorrect number of period, budget and extratime: each vCPU that is named needs a period and a budget.");
        return [.. periods.Select((period, i) => new DomctlSchedRtds
        {
            Period = (uint)OptionNumbers.Parse('p', period),
            Budget = (uint)OptionNumbers.Parse('b', budgets[i]),
            Flags = extras.Count == 0 || OptionNumbers.Parse('e', extras[i]) != 0 ? SchedRtdsFlags.ExtraTime : SchedRtdsFlags.None,
        })];
    }
}
