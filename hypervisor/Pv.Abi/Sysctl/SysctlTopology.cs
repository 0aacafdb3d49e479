using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Element of <see cref="SysctlCpuTopologyInfo"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cputopo")]
public struct SysctlCpuTopology
{
    public const int WireSize = 12;

    [Xen("core")] public uint Core;
    [Xen("socket")] public uint Socket;
    [Xen("node")] public uint Node;
}

/// <summary>Argument of <see cref="SysctlOperation.CpuTopologyInfo"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cputopoinfo")]
public struct SysctlCpuTopologyInfo
{
    public const int WireSize = 16;

    [Xen("num_cpus")] public uint CpuCount;

    /// <summary>Guest address of an array of <see cref="SysctlCpuTopology"/>.</summary>
    [Xen("cputopo")] public ulong Topology;
}

/// <summary>Element of <see cref="SysctlNumaInfo"/> (<c>public/sysctl.h</c>). Bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_meminfo")]
public struct SysctlMemoryInfo
{
    public const int WireSize = 16;

    [Xen("memsize")] public ulong Size;
    [Xen("memfree")] public ulong Free;
}

/// <summary>Argument of <see cref="SysctlOperation.NumaInfo"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_numainfo")]
public struct SysctlNumaInfo
{
    public const int WireSize = 24;

    [Xen("num_nodes")] public uint NodeCount;

    /// <summary>Guest address of an array of <see cref="SysctlMemoryInfo"/>.</summary>
    [Xen("meminfo")] public ulong MemoryInfo;

    [Xen("distance")] public ulong Distances;
}

/// <summary>Argument of <see cref="SysctlOperation.PciTopologyInfo"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_pcitopoinfo")]
public struct SysctlPciTopologyInfo
{
    public const int WireSize = 24;

    [Xen("num_devs")] public uint DeviceCount;
    [Xen("devs")] public ulong Devices;
    [Xen("nodes")] public ulong Nodes;
}

/// <summary>Values that mean "none" in topology answers (<c>public/sysctl.h</c>).</summary>
public static class TopologyValues
{
    [Xen("XEN_INVALID_CORE_ID")] public const uint InvalidCore = 0xffffffff;
    [Xen("XEN_INVALID_SOCKET_ID")] public const uint InvalidSocket = 0xffffffff;
    [Xen("XEN_INVALID_NODE_ID")] public const uint InvalidNode = 0xffffffff;
    [Xen("XEN_INVALID_MEM_SZ")] public const uint InvalidMemorySize = 0xffffffff;
    [Xen("XEN_INVALID_NODE_DIST")] public const uint InvalidDistance = 0xffffffff;
}
