using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Parameters of the credit scheduler (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_credit_schedule")]
public struct SysctlCreditSchedule
{
    public const int WireSize = 12;

    [Xen("tslice_ms")] public uint TimeSliceMilliseconds;
    [Xen("ratelimit_us")] public uint RateLimitMicroseconds;
    [Xen("vcpu_migr_delay_us")] public uint VcpuMigrationDelayMicroseconds;
}

/// <summary>Parameters of the credit2 scheduler (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_credit2_schedule")]
public struct SysctlCredit2Schedule
{
    public const int WireSize = 4;

    [Xen("ratelimit_us")] public uint RateLimitMicroseconds;
}

/// <summary>Argument of <see cref="SysctlOperation.SchedulerOp"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct xen_sysctl_scheduler_op")]
public struct SysctlSchedulerOp
{
    public const int WireSize = 32;

    [Xen("cpupool_id"), FieldOffset(0)] public uint CpuPoolId;
    [Xen("sched_id"), FieldOffset(4)] public SchedulerId Scheduler;
    [Xen("cmd"), FieldOffset(8)] public SysctlSchedulerCommand Command;
    [Xen("u.sched_credit"), FieldOffset(16)] public SysctlCreditSchedule Credit;
    [Xen("u.sched_credit2"), FieldOffset(16)] public SysctlCredit2Schedule Credit2;
}

/// <summary>Commands of <see cref="SysctlSchedulerOp"/> (<c>public/sysctl.h</c>).</summary>
[Xen("XEN_SYSCTL_SCHEDOP_*")]
public enum SysctlSchedulerCommand : uint
{
    [Xen("XEN_SYSCTL_SCHEDOP_putinfo")] PutInfo = 0,
    [Xen("XEN_SYSCTL_SCHEDOP_getinfo")] GetInfo = 1,
}

/// <summary>Limits of scheduler parameters (<c>public/sysctl.h</c>).</summary>
public static class SchedulerLimits
{
    [Xen("XEN_SYSCTL_CSCHED_TSLICE_MIN")] public const uint MinTimeSliceMilliseconds = 1;
    [Xen("XEN_SYSCTL_CSCHED_TSLICE_MAX")] public const uint MaxTimeSliceMilliseconds = 1000;
    [Xen("XEN_SYSCTL_SCHED_RATELIMIT_MIN")] public const uint MinRateLimitMicroseconds = 100;
    [Xen("XEN_SYSCTL_SCHED_RATELIMIT_MAX")] public const uint MaxRateLimitMicroseconds = 500000;
    [Xen("XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US")] public const uint MaxMigrationDelayMicroseconds = 100000;
}
