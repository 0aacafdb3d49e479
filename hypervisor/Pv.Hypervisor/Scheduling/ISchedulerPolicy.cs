using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// Which vCPU of a pool runs next, and for how long. A policy only orders: it is called with the run queue's lock held, never blocks and never
/// calls back. Times are system time in nanoseconds.
/// </summary>
public interface ISchedulerPolicy
{
    /// <summary>Xen's number of the policy.</summary>
    SchedulerId Id { get; }

    /// <summary>The name as <c>xl info</c> and <c>xl cpupool-list</c> show it.</summary>
    string Name { get; }

    /// <summary>When <see cref="Tick"/> is due; <see cref="ulong.MaxValue"/> when it is not. Read after every other call.</summary>
    ulong NextTick { get; }

    /// <summary>The pool has these pCPUs now, a bit each.</summary>
    void SetPcpus(ulong pcpus);

    /// <summary>A domain enters the pool, with default parameters.</summary>
    SchedulingGroup CreateGroup();

    /// <summary>Gives a new vCPU what the policy keeps for it.</summary>
    SchedulingUnit CreateUnit(SchedulingGroup group, ulong now);

    /// <summary>The vCPU leaves the pool. It is not queued.</summary>
    void Remove(SchedulingUnit unit);

    /// <summary>The vCPU can run and is not running: queue it. <paramref name="woken"/>: it could not before.</summary>
    void Enqueue(SchedulingUnit unit, ulong now, bool woken);

    /// <summary>The vCPU is queued and can no longer run.</summary>
    void Dequeue(SchedulingUnit unit);

    /// <summary>The vCPU went offline; it is not queued.</summary>
    void Retire(SchedulingUnit unit);

    /// <summary>Whether the policy would have the vCPU run there.</summary>
    bool MayRun(SchedulingUnit unit, int pcpu) => unit.MayRunOn(pcpu);

    /// <summary>Takes the vCPU that <paramref name="pcpu"/> shall run, or null when none can, and how long it may.</summary>
    SchedulingUnit? Pick(int pcpu, ulong now, out ulong slice);

    /// <summary>The vCPU that was picked stopped running after so long. It is queued next if it can run on.</summary>
    void Charge(SchedulingUnit unit, ulong ran, ulong now);

    /// <summary>The running vCPU asks to let others go first.</summary>
    void Yield(SchedulingUnit unit);

    /// <summary>Whether a vCPU that is queued shall take the place of one that runs (for <paramref name="ran"/> nanoseconds).</summary>
    bool Preempts(SchedulingUnit queued, SchedulingUnit running, ulong ran);

    /// <summary>Whether the policy would have that pCPU run another vCPU than the one it runs (for <paramref name="ran"/> nanoseconds).</summary>
    bool IsOutranked(SchedulingUnit running, int pcpu, ulong ran);

    /// <summary>Does what was due at <see cref="NextTick"/>. True when vCPUs may run that could not before.</summary>
    bool Tick(ulong now);

    /// <summary>Changes (<see cref="SchedulerCommand.PutInfo"/>) or tells a domain's parameters.</summary>
    Errno Adjust(SchedulingGroup group, IReadOnlyList<SchedulingUnit> units, ref DomctlSchedulerOp operation);

    /// <summary>Whether it keeps parameters for each vCPU.</summary>
    bool HasVcpuParameters => false;

    /// <summary>Changes a vCPU's parameters, where the policy has such.</summary>
    Errno Set(SchedulingUnit unit, in DomctlSchedVcpu parameters);

    /// <summary>Tells a vCPU's parameters, where the policy has such.</summary>
    Errno Get(SchedulingUnit unit, ref DomctlSchedVcpu parameters);

    /// <summary>Changes or tells the pool's own parameters.</summary>
    Errno Adjust(ref SysctlSchedulerOp operation);
}
