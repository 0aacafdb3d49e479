namespace Pv.Abi;

/// <summary>Operations of <see cref="HypercallNumber.Sysctl"/> (<c>public/sysctl.h</c>).</summary>
[Xen("XEN_SYSCTL_*")]
public enum SysctlOperation : uint
{
    [Xen("XEN_SYSCTL_readconsole")] ReadConsole = 1,
    [Xen("XEN_SYSCTL_tbuf_op")] TraceBufferOp = 2,
    [Xen("XEN_SYSCTL_physinfo")] PhysicalInfo = 3,
    [Xen("XEN_SYSCTL_sched_id")] SchedulerId = 4,
    [Xen("XEN_SYSCTL_perfc_op")] PerformanceCounterOp = 5,
    [Xen("XEN_SYSCTL_getdomaininfolist")] GetDomainInfoList = 6,
    [Xen("XEN_SYSCTL_debug_keys")] DebugKeys = 7,
    [Xen("XEN_SYSCTL_getcpuinfo")] GetCpuInfo = 8,
    [Xen("XEN_SYSCTL_availheap")] AvailableHeap = 9,
    [Xen("XEN_SYSCTL_get_pmstat")] GetPowerStatistics = 10,
    [Xen("XEN_SYSCTL_cpu_hotplug")] CpuHotplug = 11,
    [Xen("XEN_SYSCTL_pm_op")] PowerManagementOp = 12,
    [Xen("XEN_SYSCTL_page_offline_op")] PageOfflineOp = 14,
    [Xen("XEN_SYSCTL_lockprof_op")] LockProfileOp = 15,
    [Xen("XEN_SYSCTL_cputopoinfo")] CpuTopologyInfo = 16,
    [Xen("XEN_SYSCTL_numainfo")] NumaInfo = 17,
    [Xen("XEN_SYSCTL_cpupool_op")] CpuPoolOp = 18,
    [Xen("XEN_SYSCTL_scheduler_op")] SchedulerOp = 19,
    [Xen("XEN_SYSCTL_coverage_op")] CoverageOp = 20,
    [Xen("XEN_SYSCTL_psr_cmt_op")] PsrCmtOp = 21,
    [Xen("XEN_SYSCTL_pcitopoinfo")] PciTopologyInfo = 22,
    [Xen("XEN_SYSCTL_psr_alloc")] PsrAlloc = 23,
    [Xen("XEN_SYSCTL_get_cpu_levelling_caps")] GetCpuLevellingCaps = 25,
    [Xen("XEN_SYSCTL_get_cpu_featureset")] GetCpuFeatureSet = 26,
    [Xen("XEN_SYSCTL_livepatch_op")] LivePatchOp = 27,
    [Xen("XEN_SYSCTL_get_cpu_policy")] GetCpuPolicy = 29,
}
