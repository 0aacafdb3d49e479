using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="SysctlOperation.PhysicalInfo"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_physinfo")]
public struct SysctlPhysicalInfo
{
    public const int WireSize = 112;

    [Xen("threads_per_core")] public uint ThreadsPerCore;
    [Xen("cores_per_socket")] public uint CoresPerSocket;
    [Xen("nr_cpus")] public uint CpuCount;
    [Xen("max_cpu_id")] public uint MaxCpuId;
    [Xen("nr_nodes")] public uint NodeCount;
    [Xen("max_node_id")] public uint MaxNodeId;
    [Xen("cpu_khz")] public uint CpuKhz;
    [Xen("capabilities")] public PhysicalCapabilities Capabilities;
    [Xen("arch_capabilities")] public uint ArchCapabilities;
    [Xen("total_pages")] public ulong TotalPages;
    [Xen("free_pages")] public ulong FreePages;

    /// <summary>Freed, not yet zeroed.</summary>
    [Xen("scrub_pages")] public ulong ScrubPages;

    /// <summary>Claimed by domains that have not taken them.</summary>
    [Xen("outstanding_pages")] public ulong OutstandingPages;

    [Xen("max_mfn")] public Mfn MaxMfn;

    /// <summary>CPUID feature words.</summary>
    [Xen("hw_cap")] public Array8<uint> HardwareCapabilities;
}

/// <summary>What the host and hypervisor can do (<c>public/sysctl.h</c>).</summary>
[Flags]
[Xen("XEN_SYSCTL_PHYSCAP_*")]
public enum PhysicalCapabilities : uint
{
    None = 0,
    [Xen("XEN_SYSCTL_PHYSCAP_hvm")] Hvm = 1 << 0,
    [Xen("XEN_SYSCTL_PHYSCAP_pv")] Pv = 1 << 1,
    [Xen("XEN_SYSCTL_PHYSCAP_directio")] DirectIo = 1 << 2,
    [Xen("XEN_SYSCTL_PHYSCAP_hap")] Hap = 1 << 3,
    [Xen("XEN_SYSCTL_PHYSCAP_shadow")] Shadow = 1 << 4,
    [Xen("XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share")] IommuHapPageTableShare = 1 << 5,
    [Xen("XEN_SYSCTL_PHYSCAP_vmtrace")] VmTrace = 1 << 6,
    [Xen("XEN_SYSCTL_PHYSCAP_vpmu")] Vpmu = 1 << 7,
    [Xen("XEN_SYSCTL_PHYSCAP_gnttab_v1")] GrantTableV1 = 1 << 8,
    [Xen("XEN_SYSCTL_PHYSCAP_gnttab_v2")] GrantTableV2 = 1 << 9,
}
