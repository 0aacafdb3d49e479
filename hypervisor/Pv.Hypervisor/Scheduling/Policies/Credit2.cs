using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// Xen's default policy: every vCPU starts with the same credit and burns it while it runs, the slower the greater its domain's weight;
/// the one with the most credit runs next; when that one has none left, all get new. A cap limits what a domain runs in each 10 ms.
/// </summary>
/// <remarks>
/// The constants are Xen's (<c>docs/misc/xen-command-line</c>, <c>sched-credit2</c>): 10 ms of credit, at least 500 us and at most 2 ms a
/// slice, 1 ms of rate limit. All pCPUs of a pool share one run queue here, where Xen has one a socket.
/// </remarks>
public sealed class Credit2 : ISchedulerPolicy
{
    public const ushort DefaultWeight = 256;

    private const long InitialCredit = 10_000_000;
    private const int MostCapOfVcpu = 100;
    private const long ShortestSlice = 500_000, LongestSlice = 2_000_000;
    private const ulong CapPeriod = 10_000_000;

    // How much more credit a woken vCPU must have to displace one that runs: a change of vCPU is not free.
    private const long PreemptionMargin = 100_000;

    private readonly RunQueue<Unit> _queue = new((one, other) => one.Credit > other.Credit);
    private readonly List<Unit> _all = [];
    private readonly CapClock<Group> _caps = new(CapPeriod, group => group.Cap);
    private uint _rateLimit = 1000;

    public SchedulerId Id => SchedulerId.Credit2;

    public string Name => "credit2";

    public ulong NextTick => _caps.NextTick;

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

    public void Remove(SchedulingUnit unit)
    {
        _all.Remove((Unit)unit);
        if (unit.Group.UnitCount == 0)
            _caps.Forget((Group)unit.Group);
    }

    public void Enqueue(SchedulingUnit unit, ulong now, bool woken) => _queue.Insert((Unit)unit);

    public void Dequeue(SchedulingUnit unit)
    {
        if (!_queue.Remove((Unit)unit))
            ((Group)unit.Group).Cap.Unpark(unit);
    }

    public void Retire(SchedulingUnit unit)
    {
    }

    public SchedulingUnit? Pick(int pcpu, ulong now, out ulong slice)
    {
        while (true)
        {
            slice = (ulong)LongestSlice;
            if (_queue.Choose(pcpu, (other, _) => other.Credit > 0) is not { } next)
                return null;
            if (next.Yielded && _queue.First(pcpu, next) is { } second)
            {
                next.Yielded = false;
                next = second;
            }
            _queue.Remove(next);
            if (_queue.First(pcpu) is { } rival)
                slice = (ulong)Math.Clamp(next.Credit - rival.Credit, ShortestSlice, LongestSlice);
            var group = (Group)next.Group;
            if (!group.Cap.TryGrant(group.UnitCount, ref next.Grant, ref slice))
            {
                group.Cap.Park(next);
                continue;
            }
            next.Yielded = false;
            if (next.Credit <= 0)
                ResetCredits((-next.Credit / InitialCredit) + 1);
            return next;
        }
    }

    public void Charge(SchedulingUnit unit, ulong ran, ulong now)
    {
        var own = (Unit)unit;
        own.Credit -= own.Burnt(ran);
        _caps.Return((Group)own.Group, ref own.Grant, ran, now);
    }

    public void Yield(SchedulingUnit unit) => ((Unit)unit).Yielded = true;

    public bool Preempts(SchedulingUnit queued, SchedulingUnit running, ulong ran)
    {
        var current = (Unit)running;
        return ran >= (ulong)_rateLimit * 1000 && ((Unit)queued).Credit > current.Credit - current.Burnt(ran) + PreemptionMargin;
    }

    public bool IsOutranked(SchedulingUnit running, int pcpu, ulong ran)
        => _queue.First(pcpu) is { } first && Preempts(first, running, ran);

    public bool Tick(ulong now) => _caps.Tick(now, unit => _queue.Insert((Unit)unit));

    public Errno Adjust(SchedulingGroup group, IReadOnlyList<SchedulingUnit> units, ref DomctlSchedulerOp operation)
    {
        var own = (Group)group;
        switch (operation.Command)
        {
            case SchedulerCommand.PutInfo when units.Count > 0 && operation.Credit2.Cap > MostCapOfVcpu * units.Count:
                return Errno.EINVAL;
            case SchedulerCommand.PutInfo:
                if (operation.Credit2.Weight != 0)
                    own.Weight = operation.Credit2.Weight;
                own.Cap.Set(operation.Credit2.Cap);
                own.Cap.Release(unit => _queue.Insert((Unit)unit));
                return Errno.None;
            case SchedulerCommand.GetInfo:
                operation.Credit2.Weight = own.Weight;
                operation.Credit2.Cap = own.Cap.Cap;
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    public Errno Set(SchedulingUnit unit, in DomctlSchedVcpu parameters) => Errno.EINVAL;

    public Errno Get(SchedulingUnit unit, ref DomctlSchedVcpu parameters) => Errno.EINVAL;

    public Errno Adjust(ref SysctlSchedulerOp operation)
    {
        var wanted = operation.Credit2.RateLimitMicroseconds;
        if (operation.Command is not (SysctlSchedulerCommand.PutInfo or SysctlSchedulerCommand.GetInfo))
            return Errno.EINVAL;
        if (operation.Command == SysctlSchedulerCommand.PutInfo)
        {
            if (!RateLimits.AreValid(wanted))
                return Errno.EINVAL;
            _rateLimit = wanted;
        }
        operation.Credit2.RateLimitMicroseconds = _rateLimit;
        return Errno.None;
    }

    /// <summary>Gives all so many times the same, which keeps the order but for the most that one can have.</summary>
    /// <remarks>Nothing that was overrun is forgiven, however late a host ends slices: who ran it waits for it.</remarks>
    private void ResetCredits(long times)
    {
        foreach (var unit in _all)
            unit.Credit = Math.Min(unit.Credit + (times * InitialCredit), InitialCredit);
    }

    private sealed class Group : SchedulingGroup
    {
        public ushort Weight = DefaultWeight;

        public CapBudget Cap { get; } = new(CapPeriod);
    }

    private sealed class Unit(Group group) : SchedulingUnit(group)
    {
        public long Credit = InitialCredit;
        public CapGrant Grant;
        public bool Yielded;

        public long Burnt(ulong ran) => (long)(ran * DefaultWeight / ((Group)Group).Weight);
    }
}
