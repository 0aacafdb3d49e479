using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="SysctlOperation.ReadConsole"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_readconsole")]
public struct SysctlReadConsole
{
    public const int WireSize = 24;

    /// <summary>Not 0: empty the ring afterwards.</summary>
    [Xen("clear")] public byte Clear;

    /// <summary>Not 0: from <see cref="Index"/> on.</summary>
    [Xen("incremental")] public byte Incremental;

    /// <summary>In: where to start. Out: where it ended.</summary>
    [Xen("index")] public uint Index;

    [Xen("buffer")] public ulong Buffer;

    /// <summary>In: room. Out: bytes.</summary>
    [Xen("count")] public uint Count;
}

/// <summary>Argument of <see cref="SysctlOperation.TraceBufferOp"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_tbuf_op")]
public struct SysctlTraceBufferOp
{
    public const int WireSize = 48;

    [Xen("cmd")] public TraceBufferCommand Command;
    [Xen("cpu_mask")] public XenctlBitmap CpuMask;
    [Xen("evt_mask")] public uint EventMask;
    [Xen("buffer_mfn")] public Mfn BufferMfn;
    [Xen("size")] public uint Size;
}

/// <summary>Commands of <see cref="SysctlTraceBufferOp"/> (<c>public/sysctl.h</c>).</summary>
[Xen("XEN_SYSCTL_TBUFOP_*")]
public enum TraceBufferCommand : uint
{
    [Xen("XEN_SYSCTL_TBUFOP_get_info")] GetInfo = 0,
    [Xen("XEN_SYSCTL_TBUFOP_set_cpu_mask")] SetCpuMask = 1,
    [Xen("XEN_SYSCTL_TBUFOP_set_evt_mask")] SetEventMask = 2,
    [Xen("XEN_SYSCTL_TBUFOP_set_size")] SetSize = 3,
    [Xen("XEN_SYSCTL_TBUFOP_enable")] Enable = 4,
    [Xen("XEN_SYSCTL_TBUFOP_disable")] Disable = 5,
}

/// <summary>Argument of <see cref="SysctlOperation.SchedulerId"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_sched_id")]
public struct SysctlSchedulerId
{
    public const int WireSize = 4;

    [Xen("sched_id")] public SchedulerId Scheduler;
}

/// <summary>Name and number of values of a performance counter (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_perfc_desc")]
public struct SysctlPerformanceCounter
{
    public const int WireSize = 84;

    [Xen("name")] public Array80<byte> Name;
    [Xen("nr_vals")] public uint ValueCount;
}

/// <summary>Argument of <see cref="SysctlOperation.PerformanceCounterOp"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_perfc_op")]
public struct SysctlPerformanceCounterOp
{
    public const int WireSize = 32;

    [Xen("cmd")] public uint Command;
    [Xen("nr_counters")] public uint CounterCount;
    [Xen("nr_vals")] public uint ValueCount;
    [Xen("desc")] public ulong Descriptions;
    [Xen("val")] public ulong Values;
}

/// <summary>Argument of <see cref="SysctlOperation.GetDomainInfoList"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_getdomaininfolist")]
public struct SysctlGetDomainInfoList
{
    public const int WireSize = 24;

    [Xen("first_domain")] public DomId FirstDomain;
    [Xen("max_domains")] public uint MaxDomains;

    /// <summary>Guest address of an array of <see cref="DomctlGetDomainInfo"/>.</summary>
    [Xen("buffer")] public ulong Buffer;

    [Xen("num_domains")] public uint NumDomains;
}

/// <summary>Argument of <see cref="SysctlOperation.DebugKeys"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_debug_keys")]
public struct SysctlDebugKeys
{
    public const int WireSize = 16;

    [Xen("keys")] public ulong Keys;
    [Xen("nr_keys")] public uint KeyCount;
}

/// <summary>Element of <see cref="SysctlGetCpuInfo"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cpuinfo")]
public struct SysctlCpuInfo
{
    public const int WireSize = 8;

    /// <summary>Nanoseconds.</summary>
    [Xen("idletime")] public ulong IdleTime;
}

/// <summary>Argument of <see cref="SysctlOperation.GetCpuInfo"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_getcpuinfo")]
public struct SysctlGetCpuInfo
{
    public const int WireSize = 24;

    [Xen("max_cpus")] public uint MaxCpus;

    /// <summary>Guest address of an array of <see cref="SysctlCpuInfo"/>.</summary>
    [Xen("info")] public ulong Info;

    [Xen("nr_cpus")] public uint CpuCount;
}

/// <summary>Argument of <see cref="SysctlOperation.AvailableHeap"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_availheap")]
public struct SysctlAvailableHeap
{
    public const int WireSize = 24;

    [Xen("min_bitwidth")] public uint MinBitWidth;
    [Xen("max_bitwidth")] public uint MaxBitWidth;
    [Xen("node")] public int Node;
    [Xen("avail_bytes")] public ulong AvailableBytes;
}

/// <summary>Argument of <see cref="SysctlOperation.CpuHotplug"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cpu_hotplug")]
public struct SysctlCpuHotplug
{
    public const int WireSize = 8;

    [Xen("cpu")] public uint Cpu;
    [Xen("op")] public CpuHotplugOperation Operation;
}

/// <summary>Operations of <see cref="SysctlCpuHotplug"/> (<c>public/sysctl.h</c>).</summary>
[Xen("XEN_SYSCTL_CPU_HOTPLUG_*")]
public enum CpuHotplugOperation : uint
{
    [Xen("XEN_SYSCTL_CPU_HOTPLUG_ONLINE")] Online = 0,
    [Xen("XEN_SYSCTL_CPU_HOTPLUG_OFFLINE")] Offline = 1,
    [Xen("XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE")] SmtEnable = 2,
    [Xen("XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE")] SmtDisable = 3,
}
