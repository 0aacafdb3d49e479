using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="SysctlOperation.CpuPoolOp"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cpupool_op")]
public struct SysctlCpuPoolOp
{
    public const int WireSize = 40;

    [Xen("op")] public CpuPoolOperation Operation;
    [Xen("cpupool_id")] public uint CpuPoolId;
    [Xen("sched_id")] public SchedulerId Scheduler;
    [Xen("domid")] public uint Domain;
    [Xen("cpu")] public uint Cpu;

    /// <summary>Out: domains in the pool.</summary>
    [Xen("n_dom")] public uint DomainCount;

    [Xen("cpumap")] public XenctlBitmap CpuMap;
}

/// <summary>Operations of <see cref="SysctlCpuPoolOp"/> (<c>public/sysctl.h</c>).</summary>
[Xen("XEN_SYSCTL_CPUPOOL_OP_*")]
public enum CpuPoolOperation : uint
{
    [Xen("XEN_SYSCTL_CPUPOOL_OP_CREATE")] Create = 1,
    [Xen("XEN_SYSCTL_CPUPOOL_OP_DESTROY")] Destroy = 2,

    /// <summary>Of the pool of that number, or the next.</summary>
    [Xen("XEN_SYSCTL_CPUPOOL_OP_INFO")] Info = 3,

    [Xen("XEN_SYSCTL_CPUPOOL_OP_ADDCPU")] AddCpu = 4,
    [Xen("XEN_SYSCTL_CPUPOOL_OP_RMCPU")] RemoveCpu = 5,
    [Xen("XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN")] MoveDomain = 6,
    [Xen("XEN_SYSCTL_CPUPOOL_OP_FREEINFO")] FreeInfo = 7,
}

/// <summary>Constants of <see cref="SysctlCpuPoolOp"/> (<c>public/sysctl.h</c>).</summary>
public static class CpuPools
{
    /// <summary>Any pool number, any CPU.</summary>
    [Xen("XEN_SYSCTL_CPUPOOL_PAR_ANY")] public const uint Any = 0xffffffff;
}
