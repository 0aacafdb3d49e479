using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Scheduling;

/// <summary>A vCPU as a scheduler sees it. The run queue's lock guards it.</summary>
public abstract class SchedulingUnit(SchedulingGroup group)
{
    /// <summary>What the policy keeps for the unit's domain.</summary>
    public SchedulingGroup Group { get; } = group;

    /// <summary>The pCPUs that it may run on now, a bit each: of its pool, and of its hard affinity where that leaves any.</summary>
    public ulong Allowed { get; set; } = ulong.MaxValue;

    /// <summary>The pCPUs that it rather runs on, a bit each.</summary>
    public ulong SoftAffinity { get; set; } = ulong.MaxValue;

    /// <summary>The pCPU that ran it last.</summary>
    public int LastPcpu { get; internal set; }

    /// <summary>Whose unit it is.</summary>
    internal Vcpu Vcpu { get; set; } = null!;

    /// <summary>What was asked for, whatever the pool has.</summary>
    internal ulong HardAffinity { get; set; } = ulong.MaxValue;

    /// <summary>Waits in the policy's queue.</summary>
    internal bool Queued { get; set; }

    /// <summary>The pCPU that runs it, or -1.</summary>
    internal int RunningOn { get; set; } = -1;

    /// <summary>Since when it runs uncharged.</summary>
    internal ulong RunningSince { get; set; }

    public bool MayRunOn(int pcpu) => (Allowed >> pcpu & 1) != 0;

    /// <summary>Whether it may run there, and likes it.</summary>
    public bool Prefers(int pcpu) => (Allowed & SoftAffinity) == 0 ? MayRunOn(pcpu) : (Allowed & SoftAffinity & 1ul << pcpu) != 0;
}

/// <summary>A domain as a policy sees it: its parameters, and what its vCPUs share.</summary>
public abstract class SchedulingGroup
{
    /// <summary>How many vCPUs it has.</summary>
    public int UnitCount { get; internal set; }
}
