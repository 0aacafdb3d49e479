using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>A vCPU's clock (<c>public/xen.h</c>). System time is <c>SystemTime + (((tsc - TscTimestamp) &lt;&lt; TscShift) * TscToSystemMultiplier &gt;&gt; 32)</c> (shift right for a negative shift).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_time_info")]
public struct VcpuTimeInfo
{
    public const int WireSize = 32;

    /// <summary>Odd while the struct is being written.</summary>
    [Xen("version")] public uint Version;

    /// <summary>The time stamp counter when <see cref="SystemTime"/> was taken.</summary>
    [Xen("tsc_timestamp")] public ulong TscTimestamp;

    /// <summary>Nanoseconds since the host started.</summary>
    [Xen("system_time")] public ulong SystemTime;

    [Xen("tsc_to_system_mul")] public uint TscToSystemMultiplier;
    [Xen("tsc_shift")] public sbyte TscShift;
    [Xen("flags")] public PvClockFlags Flags;
}

/// <summary>Flags of <see cref="VcpuTimeInfo"/> (<c>public/xen.h</c>).</summary>
[Flags]
[Xen("XEN_PVCLOCK_*")]
public enum PvClockFlags : byte
{
    None = 0,

    /// <summary>The clocks of all vCPUs are in step.</summary>
    [Xen("XEN_PVCLOCK_TSC_STABLE_BIT")] TscStable = 1 << 0,

    /// <summary>The guest was stopped by the host.</summary>
    [Xen("XEN_PVCLOCK_GUEST_STOPPED")] GuestStopped = 1 << 1,
}
