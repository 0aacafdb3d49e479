using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// The mechanism under every policy: pCPU threads that take vCPUs from their pool's run queue, wake and stop them. The pool's policy alone
/// decides what runs.
/// </summary>
/// <remarks>
/// One lock for all pools: the run queue's, the innermost of the hypervisor but for the timekeeper's. Threads are signalled after it is released.
/// A vCPU is in exactly one of: queued, running on one pCPU, not runnable.
/// </remarks>
public sealed partial class Scheduler : IDisposable
{
    private readonly CoreLock _lock;
    private readonly Stepper? _stepper;
    private readonly IClock _clock;
    private readonly Timekeeper _timekeeper;
    private readonly PCpu[] _pcpus;
    private readonly Action<Vcpu> _run;
    private ulong _guestTime;
    private volatile int _waiting;
    private volatile bool _stopping;

    /// <param name="clock">System time.</param>
    /// <param name="timekeeper">Ends slices.</param>
    /// <param name="policy">Who runs next in pool 0, which has all pCPUs at first.</param>
    /// <param name="pcpus">How many physical CPUs the machine has.</param>
    /// <param name="run">Runs a vCPU until it can or should not go on (see <see cref="ShouldLeave"/>); called on a pCPU's thread.</param>
    /// <param name="stepper">Steps the machine, in deterministic mode.</param>
    public Scheduler(IClock clock, Timekeeper timekeeper, ISchedulerPolicy policy, int pcpus, Action<Vcpu> run, Stepper? stepper = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pcpus, 64);
        _clock = clock;
        _timekeeper = timekeeper;
        _run = run;
        _stepper = stepper;
        _lock = new CoreLock(stepper, "the run queue");
        _pcpus = new PCpu[pcpus];
        for (var i = 0; i < pcpus; i++)
            _pcpus[i] = new PCpu(i, timekeeper, stepper, Serve);
        DefaultPool = new CpuPool(0, policy, timekeeper, Tick);
        _pools.Add(0, DefaultPool);
        DefaultPool.SetCpus(AllCpus);
        foreach (var pcpu in _pcpus)
            pcpu.Pool = DefaultPool;
    }

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
            using (_lock.Hold())
                return _guestTime;
        }
    }

    /// <summary>Nanoseconds for which a pCPU had nothing to run.</summary>
    public ulong IdleTime(int pcpu)
    {
        using (_lock.Hold())
            return _pcpus[pcpu].IdleTime + (_pcpus[pcpu].Idle ? _clock.Now - _pcpus[pcpu].IdleSince : 0);
    }

    /// <summary>Takes a new vCPU into its domain's pool.</summary>
    internal void Add(Vcpu vcpu)
    {
        using (_lock.Hold())
            vcpu.Unit = CreateUnit(vcpu);
    }

    internal void Remove(Vcpu vcpu)
    {
        using (_lock.Hold())
        {
            Forget(vcpu);
            SignalIdle(PoolOf(vcpu));
        }
    }

    /// <summary>Takes in the vCPU that serves a queue. It may run where the one may whose queue it is.</summary>
    internal void AddService(Vcpu service, Vcpu owner)
    {
        using (_lock.Hold())
        {
            service.Unit = CreateUnit(service);
            (service.Unit.HardAffinity, service.Unit.SoftAffinity) = (owner.Unit.HardAffinity, owner.Unit.SoftAffinity);
            PoolOf(service).Confine(service.Unit);
            service.Domain.Services[service.Id.Value] = service;
        }
    }

    /// <summary>Undoes <see cref="AddService"/>; no pCPU runs the service. Its time stays its domain's.</summary>
    internal void RemoveService(Vcpu service)
    {
        using (_lock.Hold())
        {
            service.Domain.Services[service.Id.Value] = null;
            service.Domain.PastServiceTime += service.Runstate.Snapshot(_clock.Now).Running;
            Forget(service);
            SignalIdle(PoolOf(service));
        }
    }

    /// <summary>Nanoseconds for which the services of a domain's queues ran.</summary>
    internal ulong ServiceTime(Domain domain)
    {
        if (domain.Services.Length == 0)
            return 0;
        using (_lock.Hold())
        {
            var now = _clock.Now;
            return domain.Services.OfType<Vcpu>().Aggregate(domain.PastServiceTime, (sum, service) => sum + service.Runstate.Snapshot(now).Running);
        }
    }

    /// <summary>Looks at a vCPU whose reasons not to run may have gone, and queues it if so. Any thread.</summary>
    internal void Wake(Vcpu vcpu)
    {
        PCpu? toSignal = null;
        Vcpu? toKick = null;
        using (_lock.Hold())
        {
            var unit = vcpu.Unit;
            if (unit.Queued || unit.RunningOn >= 0 || !vcpu.IsRunnable)
                return;
            var now = _clock.Now;
            var pool = PoolOf(vcpu);
            Queue(pool, unit, now, woken: true);
            vcpu.Runstate.Change(Runstate.Runnable, now);
            toSignal = TakeIdle(pool, unit);
            if (toSignal is null)
                toKick = FindToPreempt(pool, unit, now);
        }
        toSignal?.Signal.Set();
        toKick?.Engine?.Kick();
    }

    /// <summary>A reason not to run was set: dequeues the vCPU, or makes its pCPU let go of it soon. Any thread.</summary>
    internal void Sleep(Vcpu vcpu)
    {
        using (_lock.Hold())
        {
            var unit = vcpu.Unit;
            if (unit.Queued && !vcpu.IsRunnable)
            {
                Unqueue(unit);
                vcpu.Runstate.Change(vcpu.StoppedState, _clock.Now);
            }
            if (unit.RunningOn < 0)
            {
                RetireIfOffline(vcpu);
                return;
            }
        }
        vcpu.Engine?.Kick();
    }

    /// <summary>As <see cref="Sleep"/>, and returns when no pCPU runs the vCPU any more. Not from the vCPU's own pCPU thread.</summary>
    internal void SleepSync(Vcpu vcpu)
    {
        Sleep(vcpu);
        if (_stepper is not null)
        {
            _stepper.WaitUntil(() => vcpu.Unit.RunningOn < 0, $"{vcpu} to be given back");
            return;
        }
        var spinner = default(SpinWait);
        while (IsRunning(vcpu))
        {
            vcpu.Engine?.Kick();
            spinner.SpinOnce();
        }
    }

    internal bool IsRunning(Vcpu vcpu)
    {
        using (_lock.Hold())
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
        using (_lock.Hold())
        {
            PoolOf(vcpu).Policy.Yield(vcpu.Unit);
            if (vcpu.Unit.RunningOn >= 0)
                _pcpus[vcpu.Unit.RunningOn].SliceOver = true;
        }
    }

    /// <summary>What a vCPU's runstate clock shows now, the running stretch included.</summary>
    internal RunstateSnapshot Snapshot(Vcpu vcpu)
    {
        using (_lock.Hold())
            return vcpu.Runstate.Snapshot(_clock.Now);
    }

    /// <summary>The pCPU that runs the vCPU, or ran it last.</summary>
    internal int PCpuOf(Vcpu vcpu) => vcpu.Unit.RunningOn is >= 0 and var on ? on : vcpu.Unit.LastPcpu;

    public void Dispose()
    {
        _stopping = true;
        foreach (var pcpu in _pcpus)
            pcpu.Stop();
        foreach (var pool in _pools.Values)
            pool.Stop();
    }

    private static CpuPool PoolOf(Vcpu vcpu) => vcpu.Domain.Pool;

    private SchedulingUnit CreateUnit(Vcpu vcpu)
    {
        var group = vcpu.Domain.SchedulingGroup;
        var unit = PoolOf(vcpu).Policy.CreateUnit(group, _clock.Now);
        group.UnitCount++;
        unit.Vcpu = vcpu;
        PoolOf(vcpu).Confine(unit);
        return unit;
    }

    /// <summary>Takes a vCPU that no pCPU runs out of its pool.</summary>
    private void Forget(Vcpu vcpu)
    {
        if (vcpu.Unit.Queued)
            Unqueue(vcpu.Unit);
        vcpu.Unit.Group.UnitCount--;
        PoolOf(vcpu).Policy.Remove(vcpu.Unit);
    }

    private void SignalIdle(CpuPool pool)
    {
        foreach (var pcpu in _pcpus)
        {
            if (pcpu.Pool == pool)
                pcpu.Signal.Set();
        }
    }

    private void Queue(CpuPool pool, SchedulingUnit unit, ulong now, bool woken)
    {
        unit.Queued = true;
        _waiting++;
        pool.Policy.Enqueue(unit, now, woken);
        pool.Arm();
    }

    private void Unqueue(SchedulingUnit unit)
    {
        var pool = PoolOf(unit.Vcpu);
        pool.Policy.Dequeue(unit);
        unit.Queued = false;
        _waiting--;
        pool.Arm();
    }

    /// <summary>A vCPU that went offline may leave its place to others.</summary>
    private void RetireIfOffline(Vcpu vcpu)
    {
        if (vcpu.IsOnline)
            return;
        PoolOf(vcpu).Policy.Retire(vcpu.Unit);
        SignalIdle(PoolOf(vcpu));
    }

    /// <summary>An idle pCPU for the vCPU: where it ran last, else one that it likes, else any.</summary>
    private PCpu? TakeIdle(CpuPool pool, SchedulingUnit unit)
    {
        PCpu? found = null;
        foreach (var pcpu in _pcpus)
        {
            if (!pcpu.Idle || pcpu.Woken || pcpu.Pool != pool || !pool.Policy.MayRun(unit, pcpu.Index))
                continue;
            var likes = unit.Prefers(pcpu.Index);
            if (found is null || (likes && (!unit.Prefers(found.Index) || pcpu.Index == unit.LastPcpu)))
                found = pcpu;
        }
        if (found is not null)
            found.Woken = true;
        return found;
    }

    /// <summary>Of the running vCPUs whose place the woken one shall take, the one that ranks lowest.</summary>
    private Vcpu? FindToPreempt(CpuPool pool, SchedulingUnit woken, ulong now)
    {
        PCpu? victim = null;
        foreach (var pcpu in _pcpus)
        {
            if (pcpu.Current is not { } running || pcpu.Pool != pool || !pool.Policy.MayRun(woken, pcpu.Index))
                continue;
            var ran = now - running.RunningSince;
            if (pool.Policy.Preempts(woken, running, ran) && (victim is null || pool.Policy.Preempts(victim.Current!, running, ran)))
                victim = pcpu;
        }
        if (victim is null)
            return null;
        victim.SliceOver = true;
        return victim.Current!.Vcpu;
    }

    /// <summary>What a pool's policy waited for is due. On the timekeeper's thread.</summary>
    private void Tick(CpuPool pool)
    {
        using (_lock.Hold())
        {
            pool.Disarmed();
            var now = _clock.Now;
            if (pool.Policy.Tick(now))
            {
                foreach (var pcpu in _pcpus)
                {
                    if (pcpu.Pool != pool)
                        continue;
                    if (pcpu.Current is not { } running)
                        pcpu.Signal.Set();
                    else if (pool.Policy.IsOutranked(running, pcpu.Index, now - running.RunningSince))
                        Interrupt(pcpu, running);
                }
            }
            pool.Arm();
        }
    }

    private static void Interrupt(PCpu pcpu, SchedulingUnit running)
    {
        pcpu.SliceOver = true;
        running.Vcpu.Engine?.Kick();
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
        using (_lock.Hold())
        {
            var now = _clock.Now;
            var slice = 0ul;
            pcpu.Woken = false;
            unit = pcpu.Pool?.Policy.Pick(pcpu.Index, now, out slice);
            sliceEnd = now + slice;
            if (pcpu.Idle)
                pcpu.IdleTime += now - pcpu.IdleSince;
            pcpu.Idle = unit is null;
            pcpu.IdleSince = now;
            pcpu.Pool?.Arm();
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
        using (_lock.Hold())
        {
            var now = _clock.Now;
            var pool = PoolOf(unit.Vcpu);
            pool.Policy.Charge(unit, now - unit.RunningSince, now);
            _guestTime += now - unit.RunningSince;
            pcpu.Current = null;
            unit.RunningOn = -1;
            if (unit.Vcpu.IsRunnable)
            {
                unit.Vcpu.Runstate.Change(Runstate.Runnable, now);
                Queue(pool, unit, now, woken: false);
                toSignal = TakeIdle(pool, unit);
            }
            else
            {
                unit.Vcpu.Runstate.Change(unit.Vcpu.StoppedState, now);
                RetireIfOffline(unit.Vcpu);
                pool.Arm();
            }
        }
        toSignal?.Signal.Set();
    }
}
