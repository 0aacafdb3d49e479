using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// Xen's real-time policy: each vCPU has a budget in each period, and of those that have some left the one whose period ends first runs
/// (global EDF). With extra time, one that used its budget goes on below all that did not.
/// </summary>
/// <remarks>The defaults and the least values are Xen's (<c>xl sched-rtds</c>): 4 ms each 10 ms; at least 10 us.</remarks>
public sealed class Rtds : ISchedulerPolicy
{
    private const ulong Microsecond = 1000;
    private const uint DefaultPeriod = 10_000, DefaultBudget = 4_000, Least = 10;

    private readonly RunQueue<Unit> _queue = new((one, other) => one.GoesBefore(other));
    private readonly List<Unit> _depleted = [];
    private readonly List<Unit> _all = [];

    public SchedulerId Id => SchedulerId.Rtds;

    public string Name => "rtds";

    public ulong NextTick
    {
        get
        {
            var next = ulong.MaxValue;
            foreach (var unit in _all)
            {
                if (unit.WantsTime)
                    next = Math.Min(next, unit.Deadline);
            }
            return next;
        }
    }

    public void SetPcpus(ulong pcpus)
    {
    }

    public SchedulingGroup CreateGroup() => new Group();

    public SchedulingUnit CreateUnit(SchedulingGroup group, ulong now)
    {
        var unit = new Unit((Group)group);
        _all.Add(unit);
        return unit;
    }

    public void Remove(SchedulingUnit unit) => _all.Remove((Unit)unit);

    public void Enqueue(SchedulingUnit unit, ulong now, bool woken)
    {
        var own = (Unit)unit;
        own.WantsTime = true;
        if (now >= own.Deadline)
            own.BeginPeriod(now);
        Insert(own);
    }

    public void Dequeue(SchedulingUnit unit)
    {
        var own = (Unit)unit;
        own.WantsTime = false;
        if (!_queue.Remove(own))
            _depleted.Remove(own);
    }

    public void Retire(SchedulingUnit unit)
    {
    }

    public SchedulingUnit? Pick(int pcpu, ulong now, out ulong slice)
    {
        slice = 0;
        Tick(now);
        if (_queue.First(pcpu) is not { } next)
            return null;
        if (next.Yielded && _queue.First(pcpu, next) is { } second)
        {
            next.Yielded = false;
            next = second;
        }
        _queue.Remove(next);
        next.Yielded = false;
        next.WantsTime = false;
        // It is charged at the end of each period, so that no time is counted in another.
        slice = Math.Min((ulong)next.Left, next.Deadline - now);
        return next;
    }

    public void Charge(SchedulingUnit unit, ulong ran, ulong now)
    {
        var own = (Unit)unit;
        own.Left -= (long)ran;
        if (own.Left > 0 || !own.HasExtraTime)
            return;
        own.Level++;
        own.Left = (long)own.Budget;
    }

    public void Yield(SchedulingUnit unit) => ((Unit)unit).Yielded = true;

    public bool Preempts(SchedulingUnit queued, SchedulingUnit running, ulong ran)
        => ((Unit)queued).Left > 0 && ((Unit)queued).GoesBefore((Unit)running);

    public bool IsOutranked(SchedulingUnit running, int pcpu, ulong ran)
        => _queue.First(pcpu) is { } first && Preempts(first, running, ran);

    public bool Tick(ulong now)
    {
        var any = false;
        foreach (var unit in _all)
        {
            if (!unit.WantsTime || now < unit.Deadline)
                continue;
            unit.BeginPeriod(now);
            any = true;
        }
        if (!any)
            return false;
        for (var i = _depleted.Count - 1; i >= 0; i--)
        {
            if (_depleted[i].Left <= 0)
                continue;
            _queue.Insert(_depleted[i]);
            _depleted.RemoveAt(i);
        }
        _queue.Sort();
        return true;
    }

    public Errno Adjust(SchedulingGroup group, IReadOnlyList<SchedulingUnit> units, ref DomctlSchedulerOp operation)
    {
        switch (operation.Command)
        {
            case SchedulerCommand.PutInfo:
                if (operation.Rtds.Period == 0 || operation.Rtds.Budget == 0)
                    return Errno.EINVAL;
                foreach (var unit in units)
                    ((Unit)unit).Set(operation.Rtds.Period, operation.Rtds.Budget);
                return Errno.None;
            case SchedulerCommand.GetInfo:
                operation.Rtds = new DomctlSchedRtds { Period = DefaultPeriod, Budget = DefaultBudget };
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    public bool HasVcpuParameters => true;

    public Errno Set(SchedulingUnit unit, in DomctlSchedVcpu parameters)
    {
        var wanted = parameters.Rtds;
        if (wanted.Period < Least || wanted.Budget < Least || wanted.Budget > wanted.Period)
            return Errno.EINVAL;
        var own = (Unit)unit;
        own.Set(wanted.Period, wanted.Budget);
        own.HasExtraTime = (wanted.Flags & SchedRtdsFlags.ExtraTime) != 0;
        return Errno.None;
    }

    public Errno Get(SchedulingUnit unit, ref DomctlSchedVcpu parameters)
    {
        var own = (Unit)unit;
        parameters.Rtds = new DomctlSchedRtds
        {
            Period = (uint)(own.Period / Microsecond),
            Budget = (uint)(own.Budget / Microsecond),
            Flags = own.HasExtraTime ? SchedRtdsFlags.ExtraTime : SchedRtdsFlags.None,
        };
        return Errno.None;
    }

    public Errno Adjust(ref SysctlSchedulerOp operation) => Errno.None;

    private void Insert(Unit unit)
    {
        if (unit.Left > 0)
            _queue.Insert(unit);
        else
            _depleted.Add(unit);
    }

    private sealed class Group : SchedulingGroup;

    private sealed class Unit(Group group) : SchedulingUnit(group)
    {
        public bool HasExtraTime = true;
        public bool Yielded;

        /// <summary>Queued, or out of budget: its next period must be begun in time.</summary>
        public bool WantsTime;

        /// <summary>In nanoseconds.</summary>
        public ulong Period = DefaultPeriod * Microsecond;

        public ulong Budget = DefaultBudget * Microsecond;

        /// <summary>When the period ends.</summary>
        public ulong Deadline;

        /// <summary>Of the budget, in this period; what was overrun counts against the next.</summary>
        public long Left;

        /// <summary>How often the budget was used up in this period: the fewer, the sooner it runs.</summary>
        public uint Level;

        public void Set(uint period, uint budget) => (Period, Budget) = (period * Microsecond, budget * Microsecond);

        public bool GoesBefore(Unit other) => Level != other.Level ? Level < other.Level : Deadline < other.Deadline;

        /// <summary>Periods follow each other without a gap, however late it is; a vCPU that slept through some gets the one that runs.</summary>
        public void BeginPeriod(ulong now)
        {
            var debt = Level == 0 ? Math.Min(Left, 0) : 0;
            Deadline = Deadline == 0 ? now + Period : Deadline + ((now - Deadline) / Period + 1) * Period;
            Left = (long)Budget + debt;
            Level = 0;
        }
    }
}
