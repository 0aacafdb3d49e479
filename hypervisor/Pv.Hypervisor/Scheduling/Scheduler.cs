using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// The mechanism under every policy: pCPU threads that take vCPUs from one run queue, wake and stop them. Nothing else decides what runs.
/// </summary>
/// <remarks>
/// The run queue's lock is the innermost of the hypervisor; threads are signalled after it is released.
/// A vCPU is in exactly one of: queued, running on one pCPU, not runnable.
/// </remarks>
public sealed class Scheduler : IDisposable
{
    private readonly Lock _lock = new();
    private readonly IClock _clock;
    private readonly ISchedulerPolicy _policy;
    private readonly PCpu[] _pcpus;
    private readonly Action<Vcpu> _run;
    private ulong _guestTime;
    private volatile int _waiting;
    private volatile bool _stopping;

    /// <param name="clock">System time.</param>
    /// <param name="timekeeper">Ends slices.</param>
    /// <param name="policy">Who runs next.</param>
    /// <param name="pcpus">How many physical CPUs the machine has.</param>
    /// <param name="run">Runs a vCPU until it can or should not go on (see <see cref="ShouldLeave"/>); called on a pCPU's thread.</param>
    public Scheduler(IClock clock, Timekeeper timekeeper, ISchedulerPolicy policy, int pcpus, Action<Vcpu> run)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pcpus, 64);
        _clock = clock;
        _policy = policy;
        _run = run;
        _pcpus = new PCpu[pcpus];
        for (var i = 0; i < pcpus; i++)
            _pcpus[i] = new PCpu(i, timekeeper, Serve);
    }

    public ISchedulerPolicy Policy => _policy;

    /// <summary>How many physical CPUs the machine has.</summary>
    public int PCpuCount => _pcpus.Length;

    /// <summary>Starts the pCPUs' threads.</summary>
    public void Start()
    {
        foreach (var pcpu in _pcpus)
            pcpu.Start();
    }

    /// <summary>Nanoseconds for which pCPUs ran guests.</summary>
    public ulong GuestTime
    {
        get
        {
            lock (_lock)
                return _guestTime;
        }
    }

    /// <summary>Nanoseconds for which a pCPU had nothing to run.</summary>
    public ulong IdleTime(int pcpu)
    {
        lock (_lock)
            return _pcpus[pcpu].IdleTime + (_pcpus[pcpu].Idle ? _clock.Now - _pcpus[pcpu].IdleSince : 0);
    }

    internal void Add(Vcpu vcpu)
    {
        lock (_lock)
            vcpu.Unit = _policy.CreateUnit(vcpu);
    }

    internal void Remove(Vcpu vcpu)
    {
        lock (_lock)
        {
            if (vcpu.Unit.Queued)
                Unqueue(vcpu.Unit);
            _policy.Remove(vcpu.Unit);
        }
    }

    /// <summary>Looks at a vCPU whose reasons not to run may have gone, and queues it if so. Any thread.</summary>
    internal void Wake(Vcpu vcpu)
    {
        PCpu? toSignal = null;
        Vcpu? toKick = null;
        lock (_lock)
        {
            var unit = vcpu.Unit;
            if (unit.Queued || unit.RunningOn >= 0 || !vcpu.IsRunnable)
                return;
            var now = _clock.Now;
            Queue(unit, now);
            vcpu.Runstate.Change(Runstate.Runnable, now);
            toSignal = TakeIdle(unit);
            if (toSignal is null)
                toKick = FindToPreempt(unit, now);
        }
        toSignal?.Signal.Set();
        toKick?.Engine?.Kick();
    }

    /// <summary>A reason not to run was set: dequeues the vCPU, or makes its pCPU let go of it soon. Any thread.</summary>
    internal void Sleep(Vcpu vcpu)
    {
        lock (_lock)
        {
            var unit = vcpu.Unit;
            if (unit.Queued && !vcpu.IsRunnable)
            {
                Unqueue(unit);
                vcpu.Runstate.Change(vcpu.StoppedState, _clock.Now);
            }
            if (unit.RunningOn < 0)
                return;
        }
        vcpu.Engine?.Kick();
    }

    /// <summary>As <see cref="Sleep"/>, and returns when no pCPU runs the vCPU any more. Not from the vCPU's own pCPU thread.</summary>
    internal void SleepSync(Vcpu vcpu)
    {
        Sleep(vcpu);
        var spinner = default(SpinWait);
        while (IsRunning(vcpu))
        {
            vcpu.Engine?.Kick();
            spinner.SpinOnce();
        }
    }

    internal bool IsRunning(Vcpu vcpu)
    {
        lock (_lock)
            return vcpu.Unit.RunningOn >= 0;
    }

    /// <summary>Whether the vCPU that this pCPU thread runs must be given back now: its slice is over, or it may not run.</summary>
    internal bool ShouldLeave(Vcpu vcpu)
    {
        var on = vcpu.Unit.RunningOn;
        return on < 0 || _stopping || _pcpus[on].SliceOver || !vcpu.IsRunnable;
    }

    /// <summary>Whether anything waits for a pCPU. A look without a lock: for hints only.</summary>
    internal bool AnythingWaits => _waiting != 0;

    /// <summary>The running vCPU lets others go first.</summary>
    internal void Yield(Vcpu vcpu)
    {
        lock (_lock)
        {
            _policy.Yield(vcpu.Unit);
            if (vcpu.Unit.RunningOn >= 0)
                _pcpus[vcpu.Unit.RunningOn].SliceOver = true;
        }
    }

    /// <summary>What a vCPU's runstate clock shows now, the running stretch included.</summary>
    internal RunstateSnapshot Snapshot(Vcpu vcpu)
    {
        lock (_lock)
            return vcpu.Runstate.Snapshot(_clock.Now);
    }

    /// <summary>The pCPU that runs the vCPU, or ran it last.</summary>
    internal int PCpuOf(Vcpu vcpu) => vcpu.Unit.RunningOn is >= 0 and var on ? on : vcpu.Unit.LastPcpu;

    /// <summary>Changes the pCPUs that a vCPU may run on.</summary>
    internal void SetHardAffinity(Vcpu vcpu, ulong pcpus)
    {
        var moved = false;
        lock (_lock)
        {
            var unit = vcpu.Unit;
            unit.HardAffinity = pcpus;
            if (unit.RunningOn >= 0 && (pcpus >> unit.RunningOn & 1) == 0)
            {
                _pcpus[unit.RunningOn].SliceOver = true;
                moved = true;
            }
        }
        if (moved)
            vcpu.Engine?.Kick();
        SignalIdle();
    }

    public void Dispose()
    {
        _stopping = true;
        foreach (var pcpu in _pcpus)
            pcpu.Stop();
    }

    private void SignalIdle()
    {
        foreach (var pcpu in _pcpus)
            pcpu.Signal.Set();
    }

    private void Queue(SchedulingUnit unit, ulong now)
    {
        unit.Queued = true;
        _waiting++;
        _policy.Enqueue(unit, now);
    }

    private void Unqueue(SchedulingUnit unit)
    {
        _policy.Dequeue(unit);
        unit.Queued = false;
        _waiting--;
    }

    private PCpu? TakeIdle(SchedulingUnit unit)
    {
        PCpu? found = null;
        foreach (var pcpu in _pcpus)
        {
            if (!pcpu.Idle || pcpu.Woken || (unit.HardAffinity >> pcpu.Index & 1) == 0)
                continue;
            found = pcpu;
            if (pcpu.Index == unit.LastPcpu)
                break;
        }
        if (found is not null)
            found.Woken = true;
        return found;
    }

    private Vcpu? FindToPreempt(SchedulingUnit woken, ulong now)
    {
        foreach (var pcpu in _pcpus)
        {
            if (pcpu.Current is not { } running || (woken.HardAffinity >> pcpu.Index & 1) == 0)
                continue;
            if (!_policy.Preempts(woken, running, now - running.RunningSince))
                continue;
            pcpu.SliceOver = true;
            return running.Vcpu;
        }
        return null;
    }

    private void Serve(PCpu pcpu)
    {
        while (!_stopping)
        {
            if (TakeNext(pcpu, out var unit, out var sliceEnd))
            {
                pcpu.SliceTimer.Set(sliceEnd);
                _run(unit!.Vcpu);
                pcpu.SliceTimer.Cancel();
                GiveBack(pcpu, unit);
            }
            else
            {
                pcpu.Signal.Wait();
            }
        }
    }

    private bool TakeNext(PCpu pcpu, out SchedulingUnit? unit, out ulong sliceEnd)
    {
        lock (_lock)
        {
            var now = _clock.Now;
            pcpu.Woken = false;
            unit = _policy.Pick(pcpu.Index, now, out var slice);
            sliceEnd = now + slice;
            if (pcpu.Idle)
                pcpu.IdleTime += now - pcpu.IdleSince;
            pcpu.Idle = unit is null;
            pcpu.IdleSince = now;
            if (unit is null)
                return false;
            _waiting--;
            unit.Queued = false;
            unit.RunningOn = unit.LastPcpu = pcpu.Index;
            unit.RunningSince = now;
            pcpu.Current = unit;
            pcpu.SliceOver = false;
            unit.Vcpu.Runstate.Change(Runstate.Running, now);
            return true;
        }
    }

    private void GiveBack(PCpu pcpu, SchedulingUnit unit)
    {
        PCpu? toSignal = null;
        lock (_lock)
        {
            var now = _clock.Now;
            _policy.Charge(unit, now - unit.RunningSince);
            _guestTime += now - unit.RunningSince;
            pcpu.Current = null;
            unit.RunningOn = -1;
            if (unit.Vcpu.IsRunnable)
            {
                unit.Vcpu.Runstate.Change(Runstate.Runnable, now);
                Queue(unit, now);
                toSignal = TakeIdle(unit);
            }
            else
            {
                unit.Vcpu.Runstate.Change(unit.Vcpu.StoppedState, now);
            }
        }
        toSignal?.Signal.Set();
    }
}
