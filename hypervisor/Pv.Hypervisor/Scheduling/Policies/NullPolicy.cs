using System.Numerics;
using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// Xen's null scheduler: each vCPU has a pCPU to itself and keeps it until it goes offline; vCPUs beyond that wait for one to become free.
/// No decision is ever made, so none costs anything.
/// </summary>
public sealed class NullPolicy : ISchedulerPolicy
{
    // Long enough to be for ever, and still to be added to the time.
    private const ulong Endless = ulong.MaxValue >> 2;

    private readonly Unit?[] _owners = new Unit?[sizeof(ulong) * 8];
    private readonly List<Unit> _waiting = [];
    private ulong _pcpus;

    public SchedulerId Id => SchedulerId.Null;

    public string Name => "null";

    public ulong NextTick => ulong.MaxValue;

    public void SetPcpus(ulong pcpus)
    {
        _pcpus = pcpus;
        for (var i = 0; i < _owners.Length; i++)
        {
            if ((pcpus >> i & 1) == 0 && _owners[i] is { } owner)
                Unassign(owner);
        }
        AssignWaiting();
    }

    public SchedulingGroup CreateGroup() => new Group();

    public SchedulingUnit CreateUnit(SchedulingGroup group, ulong now) => new Unit((Group)group);

    public void Remove(SchedulingUnit unit) => Retire(unit);

    public void Enqueue(SchedulingUnit unit, ulong now, bool woken)
    {
        var own = (Unit)unit;
        own.IsReady = true;
        // Its affinity may have changed meanwhile.
        if (own.Pcpu >= 0 && !own.MayRunOn(own.Pcpu))
            Unassign(own);
        if (own.Pcpu < 0 && !_waiting.Contains(own))
            _waiting.Add(own);
        AssignWaiting();
    }

    public void Dequeue(SchedulingUnit unit)
    {
        ((Unit)unit).IsReady = false;
        _waiting.Remove((Unit)unit);
    }

    public void Retire(SchedulingUnit unit)
    {
        Dequeue(unit);
        Unassign((Unit)unit);
        _waiting.Remove((Unit)unit);
        AssignWaiting();
    }

    public SchedulingUnit? Pick(int pcpu, ulong now, out ulong slice)
    {
        slice = Endless;
        if (_owners[pcpu] is not { IsReady: true } owner)
            return null;
        owner.IsReady = false;
        return owner;
    }

    public void Charge(SchedulingUnit unit, ulong ran, ulong now)
    {
    }

    public void Yield(SchedulingUnit unit)
    {
    }

    public bool MayRun(SchedulingUnit unit, int pcpu) => ((Unit)unit).Pcpu == pcpu;

    public bool Preempts(SchedulingUnit queued, SchedulingUnit running, ulong ran)
        => ((Unit)queued).Pcpu >= 0 && ((Unit)queued).Pcpu == ((Unit)running).Pcpu;

    public bool IsOutranked(SchedulingUnit running, int pcpu, ulong ran) => _owners[pcpu] != running;

    public bool Tick(ulong now) => false;

    /// <summary>There are no parameters; Xen takes every change as done.</summary>
    public Errno Adjust(SchedulingGroup group, IReadOnlyList<SchedulingUnit> units, ref DomctlSchedulerOp operation) => Errno.None;

    public Errno Set(SchedulingUnit unit, in DomctlSchedVcpu parameters) => Errno.None;

    public Errno Get(SchedulingUnit unit, ref DomctlSchedVcpu parameters) => Errno.None;

    public Errno Adjust(ref SysctlSchedulerOp operation) => Errno.None;

    private void Unassign(Unit unit)
    {
        if (unit.Pcpu < 0)
            return;
        _owners[unit.Pcpu] = null;
        unit.Pcpu = -1;
        if (unit.IsReady && !_waiting.Contains(unit))
            _waiting.Add(unit);
    }

    private void AssignWaiting()
    {
        for (var i = 0; i < _waiting.Count; i++)
        {
            if (FreePcpu(_waiting[i]) is not (>= 0 and var pcpu))
                continue;
            _owners[pcpu] = _waiting[i];
            _waiting[i].Pcpu = pcpu;
            _waiting.RemoveAt(i--);
        }
    }

    private int FreePcpu(Unit unit)
    {
        var free = _pcpus & unit.Allowed;
        for (var i = 0; i < _owners.Length; i++)
        {
            if (_owners[i] is not null)
                free &= ~(1ul << i);
        }
        if (free == 0)
            return -1;
        if ((free >> unit.LastPcpu & 1) != 0)
            return unit.LastPcpu;
        return BitOperations.TrailingZeroCount((free & unit.SoftAffinity) != 0 ? free & unit.SoftAffinity : free);
    }

    private sealed class Group : SchedulingGroup;

    private sealed class Unit(Group group) : SchedulingUnit(group)
    {
        public int Pcpu = -1;
        public bool IsReady;
    }
}
