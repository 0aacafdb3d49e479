using Pv.Hypervisor.Scheduling;

namespace Pv.Tests.Scheduling;

/// <summary>A pool under a policy in virtual time: pCPUs without threads, vCPUs without code. What the scheduler's mechanism does, step by step.</summary>
internal sealed class PolicySimulation
{
    private readonly ISchedulerPolicy _policy;
    private readonly List<SimulatedVcpu> _vcpus = [];
    private readonly SimulatedPcpu[] _pcpus;
    private ulong _tickDue = ulong.MaxValue, _tickTime = ulong.MaxValue;

    public PolicySimulation(ISchedulerPolicy policy, int pcpus)
    {
        _policy = policy;
        _pcpus = new SimulatedPcpu[pcpus];
        for (var i = 0; i < pcpus; i++)
            _pcpus[i] = new SimulatedPcpu();
        policy.SetPcpus((1ul << pcpus) - 1);
    }

    /// <summary>How much later than asked for a host ends slices and runs ticks: drawn anew each time.</summary>
    public Func<ulong> Lateness { get; init; } = () => 0;

    public ulong Now { get; private set; } = 1;

    /// <summary>Changes of a vCPU on a pCPU.</summary>
    public int Switches { get; private set; }

    /// <param name="group">Its domain.</param>
    /// <param name="burst">How long it runs before it sleeps; null: for ever.</param>
    /// <param name="sleep">How long it sleeps then.</param>
    /// <param name="allowed">Where it may run, a bit a pCPU.</param>
    public SimulatedVcpu Add(SchedulingGroup group, ulong? burst = null, ulong sleep = 0, ulong allowed = ulong.MaxValue)
    {
        var unit = _policy.CreateUnit(group, Now);
        group.UnitCount++;
        unit.Allowed = allowed & ((1ul << _pcpus.Length) - 1);
        var vcpu = new SimulatedVcpu(unit) { Burst = burst, Sleep = sleep, BurstLeft = burst ?? ulong.MaxValue };
        _vcpus.Add(vcpu);
        Wake(vcpu);
        return vcpu;
    }

    public void Remove(SimulatedVcpu vcpu)
    {
        foreach (var pcpu in _pcpus)
        {
            if (pcpu.Current == vcpu)
                PutDown(pcpu, stays: false);
        }
        if (vcpu.Unit.Queued)
            _policy.Dequeue(vcpu.Unit);
        vcpu.Unit.Group.UnitCount--;
        _vcpus.Remove(vcpu);
        _policy.Remove(vcpu.Unit);
    }

    public void RunFor(ulong duration)
    {
        var end = Now + duration;
        while (true)
        {
            for (var i = 0; i < _pcpus.Length; i++)
            {
                if (_pcpus[i].Current is null)
                    TakeNext(i);
            }
            var next = Math.Min(end, NextEvent());
            Advance(next);
            if (Now == end)
                return;
            foreach (var pcpu in _pcpus)
            {
                if (pcpu.Current is { } current && (current.BurstLeft == 0 || Now >= pcpu.SliceEnd))
                    PutDown(pcpu, stays: current.BurstLeft != 0);
            }
            foreach (var vcpu in _vcpus)
            {
                if (vcpu.WakesAt <= Now)
                    Wake(vcpu);
            }
            if (Now >= TickTime() && _policy.Tick(Now))
                PreemptOutranked();
        }
    }

    private ulong NextEvent()
    {
        var next = TickTime();
        foreach (var pcpu in _pcpus)
        {
            if (pcpu.Current is { } current)
                next = Math.Min(next, Math.Min(pcpu.SliceEnd, current.BurstLeft == ulong.MaxValue ? ulong.MaxValue : Now + current.BurstLeft));
        }
        foreach (var vcpu in _vcpus)
            next = Math.Min(next, vcpu.WakesAt);
        return Math.Max(next, Now);
    }

    private ulong TickTime()
    {
        if (_tickDue != _policy.NextTick)
        {
            _tickDue = _policy.NextTick;
            _tickTime = _tickDue == ulong.MaxValue ? ulong.MaxValue : _tickDue + Lateness();
        }
        return _tickTime;
    }

    private void Advance(ulong to)
    {
        foreach (var pcpu in _pcpus)
        {
            if (pcpu.Current is not { } current)
                continue;
            current.Ran += to - Now;
            if (current.BurstLeft != ulong.MaxValue)
                current.BurstLeft -= to - Now;
        }
        Now = to;
    }

    private void TakeNext(int pcpu)
    {
        var unit = _policy.Pick(pcpu, Now, out var slice);
        if (unit is null)
            return;
        if (!unit.MayRunOn(pcpu))
            throw new InvalidOperationException("The policy ran a vCPU where it must not run.");
        var vcpu = _vcpus.Single(candidate => candidate.Unit == unit);
        (unit.Queued, unit.RunningOn, unit.LastPcpu) = (false, pcpu, pcpu);
        vcpu.RunsOnMask |= 1ul << pcpu;
        (_pcpus[pcpu].Current, _pcpus[pcpu].Since, _pcpus[pcpu].SliceEnd) = (vcpu, Now, Now + slice + Lateness());
        Switches++;
    }

    private void PutDown(SimulatedPcpu pcpu, bool stays)
    {
        var vcpu = pcpu.Current!;
        _policy.Charge(vcpu.Unit, Now - pcpu.Since, Now);
        pcpu.Current = null;
        vcpu.Unit.RunningOn = -1;
        if (stays)
        {
            vcpu.Unit.Queued = true;
            _policy.Enqueue(vcpu.Unit, Now, woken: false);
        }
        else if (vcpu.Burst is { } burst)
        {
            (vcpu.WakesAt, vcpu.BurstLeft) = (Now + vcpu.Sleep, burst);
        }
    }

    private void Wake(SimulatedVcpu vcpu)
    {
        vcpu.WakesAt = ulong.MaxValue;
        vcpu.Unit.Queued = true;
        _policy.Enqueue(vcpu.Unit, Now, woken: true);
        if (_pcpus.Any(pcpu => pcpu.Current is null))
            return;
        for (var i = 0; i < _pcpus.Length; i++)
        {
            if (_policy.MayRun(vcpu.Unit, i) && _policy.Preempts(vcpu.Unit, _pcpus[i].Current!.Unit, Now - _pcpus[i].Since))
            {
                PutDown(_pcpus[i], stays: true);
                return;
            }
        }
    }

    private void PreemptOutranked()
    {
        for (var i = 0; i < _pcpus.Length; i++)
        {
            if (_pcpus[i].Current is { } current && _policy.IsOutranked(current.Unit, i, Now - _pcpus[i].Since))
                PutDown(_pcpus[i], stays: true);
        }
    }

    private sealed class SimulatedPcpu
    {
        public SimulatedVcpu? Current;
        public ulong Since, SliceEnd;
    }
}

/// <summary>A vCPU in a simulation: runs for ever, or in bursts.</summary>
internal sealed class SimulatedVcpu(SchedulingUnit unit)
{
    public SchedulingUnit Unit { get; } = unit;

    public ulong? Burst { get; init; }

    public ulong Sleep { get; init; }

    public ulong BurstLeft { get; set; }

    public ulong WakesAt { get; set; } = ulong.MaxValue;

    /// <summary>Nanoseconds that it ran.</summary>
    public ulong Ran { get; set; }

    /// <summary>The pCPUs that it ran on, a bit each.</summary>
    public ulong RunsOnMask { get; set; }
}
