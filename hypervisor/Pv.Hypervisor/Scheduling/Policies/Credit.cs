using System.Numerics;
using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// Xen's old policy: each 30 ms the pool's time is shared out as credit, by weight, among the domains that want some. A vCPU with credit
/// goes before one without; one that wakes with credit goes before both for a while. Within a class they take turns.
/// </summary>
/// <remarks>
/// The constants are Xen's (<c>docs/misc/xen-command-line</c>, <c>sched_credit_tslice_ms</c>): slices of 30 ms, ticks of 10 ms, 1 ms of rate
/// limit. All pCPUs of a pool share one run queue here, where Xen's steal from each other's. A cap is kept exactly, by a budget a period.
/// </remarks>
public sealed class Credit : ISchedulerPolicy
{
    public const ushort DefaultWeight = 256;

    /// <summary>In <see cref="SchedulerCommand.PutInfo"/>: the cap stays as it is.</summary>
    private const ushort SameCap = ushort.MaxValue;

    private const ulong Millisecond = 1_000_000;
    private const ulong BoostTime = 10 * Millisecond;

    /// <summary>The most that a vCPU can owe, in slices: what a host that ends slices late lets it run is not forgiven, as Xen would.</summary>
    private const int MostDebt = 64;

    /// <summary>The most that a vCPU can save for the next slices while it waits, in slices.</summary>
    private const int MostSaved = 2;

    private readonly RunQueue<Unit> _queue = new((one, other) => one.Class > other.Class);
    private readonly List<Unit> _all = [];
    private readonly CapClock<Group> _caps = new(30 * Millisecond, group => group.Cap);
    private readonly List<Group> _active = [];
    private uint _sliceMilliseconds = 30;
    private uint _rateLimit = 1000;
    private uint _migrationDelay;
    private int _pcpus = 1;
    private ulong _nextAccounting = ulong.MaxValue;

    private enum PriorityClass
    {
        Over,
        Under,
        Boosted,
    }

    public SchedulerId Id => SchedulerId.Credit;

    public string Name => "credit";

    public ulong NextTick => Math.Min(_nextAccounting, _caps.NextTick);

    private ulong Slice => _sliceMilliseconds * Millisecond;

    public void SetPcpus(ulong pcpus) => _pcpus = Math.Max(1, BitOperations.PopCount(pcpus));

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

    public void Enqueue(SchedulingUnit unit, ulong now, bool woken)
    {
        var own = (Unit)unit;
        own.WantsTime = true;
        if (woken && own.Class == PriorityClass.Under)
            (own.Class, own.BoostLeft) = (PriorityClass.Boosted, (long)BoostTime);
        _queue.Insert(own);
        if (_nextAccounting == ulong.MaxValue)
            _nextAccounting = (now / Slice + 1) * Slice;
    }

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
            slice = Slice;
            if (_queue.Choose(pcpu, (other, first) => other.Class == first.Class) is not { } next)
                return null;
            if (next.Yielded && _queue.First(pcpu, next) is { } second)
            {
                next.Yielded = false;
                next = second;
            }
            _queue.Remove(next);
            var group = (Group)next.Group;
            if (!group.Cap.TryGrant(group.UnitCount, ref next.Grant, ref slice))
            {
                group.Cap.Park(next);
                continue;
            }
            next.Yielded = false;
            next.WantsTime = true;
            if (next.Class == PriorityClass.Boosted)
                slice = Math.Min(slice, BoostTime);
            return next;
        }
    }

    public void Charge(SchedulingUnit unit, ulong ran, ulong now)
    {
        var own = (Unit)unit;
        own.Credit -= (long)ran;
        own.BoostLeft -= (long)ran;
        if (own.Class == PriorityClass.Boosted && own.BoostLeft <= 0)
            own.Class = PriorityClass.Under;
        _caps.Return((Group)own.Group, ref own.Grant, ran, now);
    }

    public void Yield(SchedulingUnit unit) => ((Unit)unit).Yielded = true;

    public bool Preempts(SchedulingUnit queued, SchedulingUnit running, ulong ran)
        => ran >= (ulong)_rateLimit * 1000 && ((Unit)queued).Class > ((Unit)running).Class;

    public bool IsOutranked(SchedulingUnit running, int pcpu, ulong ran)
        => _queue.First(pcpu) is { } first && Preempts(first, running, ran);

    public bool Tick(ulong now)
    {
        var any = _caps.Tick(now, unit => _queue.Insert((Unit)unit));
        if (now < _nextAccounting)
            return any;
        // A host that is late has more to share out: else all would owe in the end, and owing all are equal.
        var slices = ((now - _nextAccounting) / Slice) + 1;
        Account(slices);
        _nextAccounting = _active.Count == 0 ? ulong.MaxValue : _nextAccounting + (slices * Slice);
        _queue.Sort();
        return true;
    }

    public Errno Adjust(SchedulingGroup group, IReadOnlyList<SchedulingUnit> units, ref DomctlSchedulerOp operation)
    {
        var own = (Group)group;
        switch (operation.Command)
        {
            case SchedulerCommand.PutInfo:
                if (operation.Credit.Weight != 0)
                    own.Weight = operation.Credit.Weight;
                if (operation.Credit.Cap != SameCap)
                    own.Cap.Set(operation.Credit.Cap);
                own.Cap.Release(unit => _queue.Insert((Unit)unit));
                return Errno.None;
            case SchedulerCommand.GetInfo:
                operation.Credit.Weight = own.Weight;
                operation.Credit.Cap = own.Cap.Cap;
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    public Errno Set(SchedulingUnit unit, in DomctlSchedVcpu parameters) => Errno.EINVAL;

    public Errno Get(SchedulingUnit unit, ref DomctlSchedVcpu parameters) => Errno.EINVAL;

    public Errno Adjust(ref SysctlSchedulerOp operation)
    {
        if (operation.Command == SysctlSchedulerCommand.PutInfo)
        {
            var wanted = operation.Credit;
            if (wanted.TimeSliceMilliseconds is < SchedulerLimits.MinTimeSliceMilliseconds or > SchedulerLimits.MaxTimeSliceMilliseconds
                || !RateLimits.AreValid(wanted.RateLimitMicroseconds)
                || wanted.RateLimitMicroseconds > wanted.TimeSliceMilliseconds * 1000
                || wanted.VcpuMigrationDelayMicroseconds > SchedulerLimits.MaxMigrationDelayMicroseconds)
            {
                return Errno.EINVAL;
            }
            (_sliceMilliseconds, _rateLimit, _migrationDelay)
                = (wanted.TimeSliceMilliseconds, wanted.RateLimitMicroseconds, wanted.VcpuMigrationDelayMicroseconds);
        }
        operation.Credit = new SysctlCreditSchedule
        {
            TimeSliceMilliseconds = _sliceMilliseconds,
            RateLimitMicroseconds = _rateLimit,
            VcpuMigrationDelayMicroseconds = _migrationDelay,
        };
        return Errno.None;
    }

    /// <summary>Shares out the time of so many slices on all pCPUs among those that want it.</summary>
    private void Account(ulong slices)
    {
        _active.Clear();
        foreach (var unit in _all)
        {
            if (!unit.WantsTime)
                continue;
            var group = (Group)unit.Group;
            if (group.Wanting++ == 0)
                _active.Add(group);
        }
        ShareOut(slices, slices * Slice * (ulong)_pcpus);
        foreach (var unit in _all)
        {
            if (unit.WantsTime)
                Pay(unit);
            // Who runs on wants time again; who sleeps does not, and keeps what it has.
            unit.WantsTime = unit.Queued || unit.RunningOn >= 0;
        }
        foreach (var group in _active)
            (group.Wanting, group.Share) = (0, 0);
    }

    /// <summary>By weight; nobody gets more than its vCPUs can run, and what one cannot use goes to the others.</summary>
    private void ShareOut(ulong slices, ulong time)
    {
        var open = new List<Group>(_active);
        while (open.Count > 0)
        {
            var weights = (ulong)open.Sum(group => group.Weight);
            var left = time;
            var full = open.RemoveAll(group =>
            {
                var most = slices * Slice * (ulong)group.Wanting;
                if (left * group.Weight / weights < most)
                    return false;
                group.Share = most;
                time -= most;
                return true;
            });
            if (full > 0)
                continue;
            foreach (var group in open)
                group.Share = time * group.Weight / weights;
            return;
        }
    }

    private void Pay(Unit unit)
    {
        var group = (Group)unit.Group;
        var most = (long)Slice;
        unit.Credit = Math.Clamp(unit.Credit + (long)(group.Share / (ulong)group.Wanting), -MostDebt * most, MostSaved * most);
        if (unit.Credit < 0)
            unit.Class = PriorityClass.Over;
        else if (unit.Class == PriorityClass.Over)
            unit.Class = PriorityClass.Under;
    }

    private sealed class Group : SchedulingGroup
    {
        public ushort Weight = DefaultWeight;

        /// <summary>In the accounting: how many vCPUs want time, and how much they get together.</summary>
        public int Wanting;

        public ulong Share;

        public CapBudget Cap { get; } = new(30 * Millisecond);
    }

    private sealed class Unit(Group group) : SchedulingUnit(group)
    {
        public PriorityClass Class = PriorityClass.Under;
        public long Credit;
        public long BoostLeft;
        public CapGrant Grant;
        public bool WantsTime;
        public bool Yielded;
    }
}
