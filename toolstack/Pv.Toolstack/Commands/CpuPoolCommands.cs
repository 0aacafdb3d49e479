using Pv.Config;
using Pv.Config.Pools;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl cpupool-*</c>.</summary>
internal static class CpuPoolCommands
{
    public static async Task<int> ListAsync(CommandContext context)
    {
        var words = context.Words;
        if (words.Rest.Count > 1)
            throw new WrongUseException("", 1);
        IReadOnlyList<CpuPoolView> pools = words.Rest.Count == 1 ? [FindListed(context, words.Rest[0])] : context.Toolstack.Processors.ListPools();
        var withCpus = words.Has('c');
        await context.PrintAsync(withCpus ? $"{"Name",-19}CPU list" : $"{"Name",-19}CPUs   Sched     Active   Domain count");
        foreach (var pool in pools)
        {
            await context.PrintAsync(withCpus
                ? $"{pool.Name,-19}{string.Join(',', pool.Cpus.Cpus)}"
                : $"{pool.Name,-19}{pool.Cpus.Count,3} {SchedulerNames.Of(pool.Scheduler),9}       y       {pool.Domains,4}");
        }
        return 0;
    }

    private static CpuPoolView FindListed(CommandContext context, string word)
        => XenProcessors.Find(context.Toolstack.Processors.ListPools(), word) ?? throw new ToolstackException($"Pool '{word}' does not exist");

    public static async Task<int> CreateAsync(CommandContext context)
    {
        var (file, lines) = CreateWords.Sort(context.Words) ?? throw new WrongUseException("", 1);
        var text = file is null ? "" : await context.ReadConfigFileAsync(file, exitCode: 1);
        await context.PrintAsync($"Using config file \"{file ?? "command line"}\"");
        var diagnostics = new ConfigDiagnostics();
        var processors = context.Toolstack.Processors;
        var wanted = CpuPoolConfiguration.Parse(file, text, lines, context.OwnTopology(), diagnostics);
        foreach (var line in diagnostics.Lines)
            await context.ComplainAsync(line);
        if (wanted is null)
            return 1;
        var cpus = Choose(wanted, processors.Free);
        var scheduler = wanted.Scheduler is { } name ? SchedulerNames.Find(name)!.Value : processors.ListPools()[0].Scheduler;
        await context.PrintAsync($"cpupool name:   {wanted.Name}");
        await context.PrintAsync($"scheduler:      {SchedulerNames.Of(scheduler)}");
        await context.PrintAsync($"number of cpus: {cpus.Count}");
        if (!context.Words.Has('n') && !context.Global.DryRun)
            await processors.CreatePoolAsync(wanted.Name, scheduler, cpus);
        return 0;
    }

    public static async Task<int> DestroyAsync(CommandContext context)
    {
        await context.Toolstack.Processors.DestroyPoolAsync(context.FindPool(context.Words.Rest[0]));
        return 0;
    }

    public static async Task<int> RenameAsync(CommandContext context)
    {
        await context.Toolstack.Processors.RenamePoolAsync(context.FindPool(context.Words.Rest[0]), context.Words.Rest[1]);
        return 0;
    }

    public static Task<int> AddCpuAsync(CommandContext context) => ChangeAsync(context, static (processors, pool, cpus) => processors.AddCpus(pool, cpus));

    public static Task<int> RemoveCpuAsync(CommandContext context) => ChangeAsync(context, static (processors, pool, cpus) => processors.RemoveCpus(pool, cpus));

    public static async Task<int> MigrateAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        context.Toolstack.Processors.MoveDomain(domain.Id, context.FindPool(context.Words.Rest[1]));
        return 0;
    }

    /// <summary>A pool for each NUMA node. The machine has one node, and Pool-0 has its CPUs: it gets the node's name.</summary>
    public static async Task<int> SplitAsync(CommandContext context)
    {
        var pools = context.Toolstack.Processors.ListPools();
        if (pools.Count > 1)
            throw new ToolstackException("splitting not possible, already cpupools in use");
        await context.Toolstack.Processors.RenamePoolAsync(pools[0], "Pool-node0");
        return 0;
    }

    private static async Task<int> ChangeAsync(CommandContext context, Action<IProcessors, CpuPoolView, CpuMap> change)
    {
        var pool = context.FindPool(context.Words.Rest[0]);
        var diagnostics = new ConfigDiagnostics();
        var cpus = CpuMap.Parse(context.Words.Rest[1], context.OwnTopology(), diagnostics);
        foreach (var line in diagnostics.Lines)
            await context.ComplainAsync(line);
        if (cpus is null)
            return 1;
        if (cpus.Count == 0)
            await context.ComplainAsync($"'{context.Words.Rest[1]}' names no CPU of this host.");
        try
        {
            change(context.Toolstack.Processors, pool, cpus);
        }
        catch (ToolstackException failure)
        {
            // As with xl, which tells of it and ends well.
            await context.ComplainAsync(failure.Message);
        }
        return 0;
    }

    /// <summary>What was asked for; of nodes, what is free; else one free CPU, if there is one.</summary>
    private static CpuMap Choose(CpuPoolConfiguration wanted, CpuMap free)
    {
        var chosen = new CpuMap(free.Size);
        foreach (var cpu in wanted.Cpus is null ? free.Cpus.Take(1) : wanted.Cpus.Cpus.Where(cpu => !wanted.ByNode || free[cpu]))
        {
            if (!free[cpu])
                throw new ToolstackException($"cpu {cpu} illegal or not free");
            chosen[cpu] = true;
        }
        return chosen;
    }
}
