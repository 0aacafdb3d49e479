using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>The schedulers that there are.</summary>
public static class SchedulerPolicies
{
    /// <summary>A scheduler for a new pool, or null when there is none of that number.</summary>
    public static ISchedulerPolicy? Create(SchedulerId id) => id switch
    {
        SchedulerId.Credit => new Credit(),
        SchedulerId.Credit2 => new Credit2(),
        SchedulerId.Rtds => new Rtds(),
        SchedulerId.Null => new NullPolicy(),
        _ => null,
    };
}
