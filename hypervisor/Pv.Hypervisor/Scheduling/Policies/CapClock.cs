namespace Pv.Hypervisor.Scheduling;

/// <summary>The periods of all capped domains of a pool. It ticks only while one has used of its time.</summary>
/// <param name="period">In nanoseconds.</param>
/// <param name="budgetOf">A group's budget.</param>
internal sealed class CapClock<TGroup>(ulong period, Func<TGroup, CapBudget> budgetOf)
    where TGroup : SchedulingGroup
{
    /// <summary>More are of no use to a budget.</summary>
    private const ulong MostPeriods = 1000;

    private readonly List<TGroup> _used = [];

    public ulong NextTick { get; private set; } = ulong.MaxValue;

    /// <summary>A vCPU stopped running: its domain has so much less for this period.</summary>
    public void Return(TGroup group, ref CapGrant grant, ulong ran, ulong now)
    {
        var budget = budgetOf(group);
        budget.Return(ref grant, ran);
        if (!budget.NeedsRefill || _used.Contains(group))
            return;
        _used.Add(group);
        if (NextTick == ulong.MaxValue)
            NextTick = (now / period + 1) * period;
    }

    public void Forget(TGroup group) => _used.Remove(group);

    /// <summary>Begins a period for all that used of the last one.</summary>
    public bool Tick(ulong now, Action<SchedulingUnit> queue)
    {
        if (now < NextTick)
            return false;
        var any = false;
        var periods = ((now - NextTick) / period) + 1;
        NextTick += periods * period;
        foreach (var group in _used)
            any |= budgetOf(group).Refill((int)Math.Min(periods, MostPeriods), queue);
        _used.RemoveAll(group => !budgetOf(group).NeedsRefill);
        if (_used.Count == 0)
            NextTick = ulong.MaxValue;
        return any;
    }
}
