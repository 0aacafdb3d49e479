using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// Which vCPU runs next, and for how long. A policy only orders: it is called with the run queue's lock held, never blocks and never
/// calls back. Times are system time in nanoseconds.
/// </summary>
public interface ISchedulerPolicy
{
    /// <summary>The name as <c>xl info</c> shows it.</summary>
    string Name { get; }

    /// <summary>Xen's number of the policy (<c>XEN_SCHEDULER_*</c>).</summary>
    uint Number { get; }

    /// <summary>Gives a new vCPU what the policy keeps for it.</summary>
    SchedulingUnit CreateUnit(Vcpu vcpu);

    /// <summary>The vCPU can run and is not running: queue it.</summary>
    void Enqueue(SchedulingUnit unit, ulong now);

    /// <summary>The vCPU is queued and can no longer run.</summary>
    void Dequeue(SchedulingUnit unit);

    /// <summary>Takes the vCPU that <paramref name="pcpu"/> shall run, or null when none can, and how long it may.</summary>
    SchedulingUnit? Pick(int pcpu, ulong now, out ulong slice);

    /// <summary>Charges what a vCPU ran since it was picked or charged last.</summary>
    void Charge(SchedulingUnit unit, ulong ran);

    /// <summary>The running vCPU asks to let others go first.</summary>
    void Yield(SchedulingUnit unit);

    /// <summary>The vCPU is gone for good. It is not queued.</summary>
    void Remove(SchedulingUnit unit);

    /// <summary>Whether a vCPU that woke shall take the place of one that runs (for <paramref name="ran"/> nanoseconds).</summary>
    bool Preempts(SchedulingUnit woken, SchedulingUnit running, ulong ran);
}

/// <summary>A vCPU as a scheduler sees it.</summary>
public abstract class SchedulingUnit(Vcpu vcpu)
{
    public Vcpu Vcpu { get; } = vcpu;

    /// <summary>Waits in the run queue.</summary>
    internal bool Queued { get; set; }

    /// <summary>The pCPU that runs it, or -1.</summary>
    internal int RunningOn { get; set; } = -1;

    /// <summary>The pCPU that ran it last.</summary>
    internal int LastPcpu { get; set; }

    /// <summary>Since when it runs uncharged.</summary>
    internal ulong RunningSince { get; set; }

    /// <summary>The pCPUs it may run on, a bit each.</summary>
    public ulong HardAffinity { get; set; } = ulong.MaxValue;
}
