using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>A scheduler (<c>public/domctl.h</c>).</summary>
[Xen("XEN_SCHEDULER_*")]
public enum SchedulerId : uint
{
    [Xen("XEN_SCHEDULER_CREDIT")] Credit = 5,
    [Xen("XEN_SCHEDULER_CREDIT2")] Credit2 = 6,
    [Xen("XEN_SCHEDULER_ARINC653")] Arinc653 = 7,
    [Xen("XEN_SCHEDULER_RTDS")] Rtds = 8,
    [Xen("XEN_SCHEDULER_NULL")] Null = 9,
}

/// <summary>Commands of <see cref="DomctlOperation.SchedulerOp"/> (<c>public/domctl.h</c>).</summary>
[Xen("XEN_DOMCTL_SCHEDOP_*")]
public enum SchedulerCommand : uint
{
    [Xen("XEN_DOMCTL_SCHEDOP_putinfo")] PutInfo = 0,
    [Xen("XEN_DOMCTL_SCHEDOP_getinfo")] GetInfo = 1,
    [Xen("XEN_DOMCTL_SCHEDOP_putvcpuinfo")] PutVcpuInfo = 2,
    [Xen("XEN_DOMCTL_SCHEDOP_getvcpuinfo")] GetVcpuInfo = 3,
}

/// <summary>A domain's parameters under credit (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_sched_credit")]
public struct DomctlSchedCredit
{
    public const int WireSize = 4;

    [Xen("weight")] public ushort Weight;

    /// <summary>Percent of a pCPU; 0: none.</summary>
    [Xen("cap")] public ushort Cap;
}

/// <summary>A domain's parameters under credit2 (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_sched_credit2")]
public struct DomctlSchedCredit2
{
    public const int WireSize = 4;

    [Xen("weight")] public ushort Weight;

    /// <summary>Percent of a pCPU; 0: none.</summary>
    [Xen("cap")] public ushort Cap;
}

/// <summary>A vCPU's parameters under RTDS (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_sched_rtds")]
public struct DomctlSchedRtds
{
    public const int WireSize = 12;

    /// <summary>Microseconds.</summary>
    [Xen("period")] public uint Period;

    /// <summary>Microseconds.</summary>
    [Xen("budget")] public uint Budget;

    [Xen("flags")] public SchedRtdsFlags Flags;
}

/// <summary>Flags of <see cref="DomctlSchedRtds"/> (<c>public/domctl.h</c>).</summary>
[Flags]
[Xen("XEN_DOMCTL_SCHEDRT_*")]
public enum SchedRtdsFlags : uint
{
    None = 0,

    /// <summary>May use time that nobody claims.</summary>
    [Xen("XEN_DOMCTL_SCHEDRT_extra")] ExtraTime = 1 << 0,
}

/// <summary>One vCPU's parameters (<c>public/domctl.h</c>). Which of them hold follows from the scheduler.</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct xen_domctl_schedparam_vcpu")]
public struct DomctlSchedVcpu
{
    public const int WireSize = 16;

    [Xen("u.credit"), FieldOffset(0)] public DomctlSchedCredit Credit;
    [Xen("u.credit2"), FieldOffset(0)] public DomctlSchedCredit2 Credit2;
    [Xen("u.rtds"), FieldOffset(0)] public DomctlSchedRtds Rtds;
    [Xen("vcpuid"), FieldOffset(12)] public VcpuId Vcpu;
}

/// <summary>Argument of <see cref="DomctlOperation.SchedulerOp"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct xen_domctl_scheduler_op")]
public struct DomctlSchedulerOp
{
    public const int WireSize = 24;

    [Xen("sched_id"), FieldOffset(0)] public SchedulerId Scheduler;
    [Xen("cmd"), FieldOffset(4)] public SchedulerCommand Command;
    [Xen("u.credit"), FieldOffset(8)] public DomctlSchedCredit Credit;
    [Xen("u.credit2"), FieldOffset(8)] public DomctlSchedCredit2 Credit2;
    [Xen("u.rtds"), FieldOffset(8)] public DomctlSchedRtds Rtds;

    /// <summary>vCPU commands: guest address of an array of <see cref="DomctlSchedVcpu"/>.</summary>
    [Xen("u.v.vcpus"), FieldOffset(8)] public ulong Vcpus;

    [Xen("u.v.nr_vcpus"), FieldOffset(16)] public uint VcpuCount;
}
