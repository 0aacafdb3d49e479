namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// What a domain with a cap may still run in this period, and which of its vCPUs wait for the next one. What was overrun is taken from the
/// next period, and what a vCPU wanted and came too late to run is added to it, so that the cap holds in the mean.
/// </summary>
internal sealed class CapBudget(ulong period)
{
    /// <summary>The least that is handed to a vCPU at once: less costs more than it is worth.</summary>
    private const long LeastGrant = 500_000;

    private readonly List<SchedulingUnit> _parked = [];
    private long _left;
    private int _running;

    /// <summary>Per cent of one pCPU; 0: no cap.</summary>
    public ushort Cap { get; private set; }

    private long Total => (long)(period * Cap / 100);

    /// <summary>Time was used that the next period brings back.</summary>
    public bool NeedsRefill => Cap != 0 && _left < Total;

    public void Set(ushort cap)
    {
        Cap = cap;
        _left = Total;
    }

    /// <summary>Hands a vCPU time to run, its share of what is left; it must be given back by <see cref="Return"/>. False: nothing is left.</summary>
    public bool TryGrant(int units, ref CapGrant grant, ref ulong slice)
    {
        if (Cap == 0)
            return true;
        if (_left <= 0)
            return false;
        grant.Amount = Math.Min(Math.Max(Total / Math.Max(1, units), LeastGrant), _left);
        _left -= grant.Amount;
        _running++;
        slice = Math.Min(slice, (ulong)grant.Amount);
        return true;
    }

    /// <summary>Takes back what a vCPU did not use, or what it used more.</summary>
    public void Return(ref CapGrant grant, ulong ran)
    {
        if (Cap != 0)
            _left += grant.Amount - (long)ran;
        if (grant.Amount > 0)
            _running--;
        grant.Amount = 0;
    }

    public void Park(SchedulingUnit unit) => _parked.Add(unit);

    public bool Unpark(SchedulingUnit unit) => _parked.Remove(unit);

    /// <summary>So many periods begin, more than one when the host was late. Hands out the vCPUs that waited for it, when there is time for them.</summary>
    public bool Refill(int periods, Action<SchedulingUnit> queue)
    {
        var most = _running + _parked.Count > 0 ? 2 * Total : Total;
        _left = Math.Min(_left + (periods * Total), most);
        return Release(queue);
    }

    /// <summary>Hands out the vCPUs that wait, if there is time or no cap any more.</summary>
    public bool Release(Action<SchedulingUnit> queue)
    {
        if (_parked.Count == 0 || (Cap != 0 && _left <= 0))
            return false;
        foreach (var unit in _parked)
            queue(unit);
        _parked.Clear();
        return true;
    }
}

/// <summary>Time of its domain's cap that a running vCPU holds, in nanoseconds.</summary>
internal struct CapGrant
{
    public long Amount;
}
