using System.Globalization;
using Pv.Abi;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl debug-keys</c> and <c>xl set-parameters</c>: the hypervisor itself.</summary>
internal static class HypervisorCommands
{
    public static Task<int> PressKeysAsync(CommandContext context)
    {
        context.Toolstack.Host.PressDebugKeys(context.Words.Rest[0]);
        return Task.FromResult(0);
    }

    /// <summary>Several parameters in one word are parted by blanks, as on Xen's own command line. All are judged before the first is set.</summary>
    public static async Task<int> SetParametersAsync(CommandContext context)
    {
        var words = context.Words.Rest[0];
        var changes = new List<Action<CpuPoolView, IProcessors>>();
        foreach (var word in words.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (Parse(word) is not { } change)
            {
                await context.ComplainAsync($"'{word}' is no parameter that can be set while Pv runs; those are sched_ratelimit_us=N and sched_credit_tslice_ms=N.");
                throw new ToolstackException($"cannot set parameters: {words}");
            }
            changes.Add(change);
        }
        var processors = context.Toolstack.Processors;
        foreach (var change in changes)
            change(processors.ListPools()[0], processors);
        return 0;
    }

    /// <summary>What it does to Pool-0, whose scheduler is the one that such parameters are of; null for what is none.</summary>
    private static Action<CpuPoolView, IProcessors>? Parse(string word)
    {
        var equals = word.IndexOf('=');
        if (equals < 0 || !uint.TryParse(word[(equals + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return null;
        return word[..equals] switch
        {
            "sched_ratelimit_us" => (pool, processors) =>
            {
                var parameters = processors.GetParameters(pool);
                if (pool.Scheduler == SchedulerId.Credit)
                    parameters.Credit.RateLimitMicroseconds = value;
                else
                    parameters.Credit2.RateLimitMicroseconds = value;
                processors.SetParameters(pool, parameters);
            },
            "sched_credit_tslice_ms" => (pool, processors) =>
            {
                if (pool.Scheduler != SchedulerId.Credit)
                    throw new ToolstackException($"sched_credit_tslice_ms is of the credit scheduler; {pool.Name} has {SchedulerNames.Of(pool.Scheduler)}.");
                var parameters = processors.GetParameters(pool);
                parameters.Credit.TimeSliceMilliseconds = value;
                processors.SetParameters(pool, parameters);
            },
            _ => null,
        };
    }
}
