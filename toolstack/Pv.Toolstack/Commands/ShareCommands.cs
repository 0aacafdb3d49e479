using Pv.Abi;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl sched-credit</c> and <c>xl sched-credit2</c>: weights and caps of domains, parameters of pools.</summary>
internal static class ShareCommands
{
    public static Task<int> RunCreditAsync(CommandContext context) => RunAsync(context, SchedulerId.Credit);

    public static Task<int> RunCredit2Async(CommandContext context) => RunAsync(context, SchedulerId.Credit2);

    private static async Task<int> RunAsync(CommandContext context, SchedulerId scheduler)
    {
        var words = context.Words;
        var (weight, cap) = (words.Number('w'), words.Number('c'));
        var (slice, rate, delay) = (words.Number('t'), words.Number('r'), words.Number('m'));
        var ofPool = words.Has('s');
        if (words.Argument('d') is null && (weight ?? cap) is not null)
            throw new ToolstackException("Must specify a domain.");
        if (words.Argument('d') is not null && (ofPool || words.Has('p')))
            throw new ToolstackException("-d is for one domain; -s and -p are for pools.");
        if (!ofPool && (slice ?? rate ?? delay) is not null)
            throw new ToolstackException("Must specify schedparam to set schedule parameters (-s).");
        if (words.Argument('d') is { } word)
            return await OneAsync(context, scheduler, await context.FindAsync(word), weight, cap);
        var pools = PoolsOf(context, scheduler);
        if (ofPool && (slice ?? rate ?? delay) is not null)
        {
            foreach (var pool in words.Has('p') ? pools : pools.Where(pool => pool.Id == 0))
                SetPool(context.Toolstack.Processors, pool, slice, rate, delay);
            return 0;
        }
        foreach (var pool in pools)
        {
            await context.PrintAsync(Describe(pool, context.Toolstack.Processors.GetParameters(pool)));
            if (ofPool)
                continue;
            await context.PrintAsync(Header);
            foreach (var domain in (await context.Domains.ListAsync()).Where(domain => domain.Pool == pool.Name))
                await PrintAsync(context, scheduler, domain);
        }
        return 0;
    }

    private static string Header => $"{"Name",-33} {"ID",4} {"Weight",6} {"Cap",4}";

    internal static List<CpuPoolView> PoolsOf(CommandContext context, SchedulerId scheduler)
    {
        var one = context.Words.Argument('p') is { } word && scheduler != SchedulerId.Rtds ? context.FindPool(word) : null;
        return [.. context.Toolstack.Processors.ListPools().Where(pool => pool.Scheduler == scheduler && (one is null || pool.Id == one.Id))];
    }

    private static async Task<int> OneAsync(CommandContext context, SchedulerId scheduler, DomainView domain, int? weight, int? cap)
    {
        if ((weight ?? cap) is not null)
        {
            context.Toolstack.Processors.SetShare(domain.Id, scheduler, weight, cap);
            return 0;
        }
        await context.PrintAsync(Header);
        await PrintAsync(context, scheduler, domain);
        return 0;
    }

    private static ValueTask PrintAsync(CommandContext context, SchedulerId scheduler, DomainView domain)
    {
        // Credit has them at the same place.
        var share = context.Toolstack.Processors.GetParameters(domain.Id, scheduler).Credit2;
        return context.PrintAsync($"{domain.Name,-33} {domain.Id.Value,4} {share.Weight,6} {share.Cap,4}");
    }

    private static string Describe(CpuPoolView pool, SysctlSchedulerOp parameters) => pool.Scheduler == SchedulerId.Credit
        ? $"Cpupool {pool.Name}: tslice={parameters.Credit.TimeSliceMilliseconds}ms ratelimit={parameters.Credit.RateLimitMicroseconds}us migration-delay={parameters.Credit.VcpuMigrationDelayMicroseconds}us"
        : $"Cpupool {pool.Name}: ratelimit={parameters.Credit2.RateLimitMicroseconds}us";

    private static void SetPool(IProcessors processors, CpuPoolView pool, int? slice, int? rate, int? delay)
    {
        var parameters = processors.GetParameters(pool);
        if (pool.Scheduler == SchedulerId.Credit)
        {
            parameters.Credit.TimeSliceMilliseconds = (uint)(slice ?? (int)parameters.Credit.TimeSliceMilliseconds);
            parameters.Credit.RateLimitMicroseconds = (uint)(rate ?? (int)parameters.Credit.RateLimitMicroseconds);
            parameters.Credit.VcpuMigrationDelayMicroseconds = (uint)(delay ?? (int)parameters.Credit.VcpuMigrationDelayMicroseconds);
        }
        else
        {
            parameters.Credit2.RateLimitMicroseconds = (uint)(rate ?? (int)parameters.Credit2.RateLimitMicroseconds);
        }
        processors.SetParameters(pool, parameters);
    }
}
