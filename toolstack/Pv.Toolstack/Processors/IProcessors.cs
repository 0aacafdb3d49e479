using Pv.Abi;
using Pv.Config;

namespace Pv.Toolstack.Processors;

/// <summary>The pCPUs of this host: pools, schedulers' parameters, and where vCPUs run. Any thread.</summary>
/// <remarks>What cannot be done is a <see cref="Domains.ToolstackException"/> whose message is a sentence for the user.</remarks>
public interface IProcessors
{
    /// <summary>How many pCPUs there are.</summary>
    int Count { get; }

    /// <summary>The pCPUs that are in no pool.</summary>
    CpuMap Free { get; }

    /// <summary>All pools, by number.</summary>
    IReadOnlyList<CpuPoolView> ListPools();

    /// <summary>Makes a pool of free pCPUs.</summary>
    Task<CpuPoolView> CreatePoolAsync(string name, SchedulerId scheduler, CpuMap cpus);

    /// <summary>Takes an unused pool's pCPUs away, and then the pool.</summary>
    Task DestroyPoolAsync(CpuPoolView pool);

    Task RenamePoolAsync(CpuPoolView pool, string name);

    /// <summary>Gives a pool pCPUs that are free.</summary>
    void AddCpus(CpuPoolView pool, CpuMap cpus);

    /// <summary>Takes pCPUs out of a pool.</summary>
    void RemoveCpus(CpuPoolView pool, CpuMap cpus);

    /// <summary>Moves a domain to another pool. A restart of the domain keeps it there.</summary>
    void MoveDomain(DomId domain, CpuPoolView pool);

    /// <summary>Says where a vCPU may run and where it should; null leaves a set as it is.</summary>
    void Pin(DomId domain, VcpuId vcpu, CpuMap? hard, CpuMap? soft);

    /// <summary>A domain's weight and cap under credit or credit2; RTDS's defaults.</summary>
    DomctlSchedulerOp GetParameters(DomId domain, SchedulerId scheduler);

    /// <summary>Changes a domain's weight and cap; null leaves a value as it is.</summary>
    void SetShare(DomId domain, SchedulerId scheduler, int? weight, int? cap);

    /// <summary>What RTDS keeps of a domain's vCPUs.</summary>
    DomctlSchedVcpu[] GetRealTime(DomId domain);

    /// <summary>Changes it for some of them.</summary>
    void SetRealTime(DomId domain, DomctlSchedVcpu[] vcpus);

    /// <summary>A pool's own parameters.</summary>
    SysctlSchedulerOp GetParameters(CpuPoolView pool);

    /// <summary>Changes them. What is out of range is refused.</summary>
    void SetParameters(CpuPoolView pool, SysctlSchedulerOp parameters);
}
