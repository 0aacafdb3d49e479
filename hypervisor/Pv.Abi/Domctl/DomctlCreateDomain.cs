using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The part of a domain's configuration that is x86's (<c>public/arch-x86/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_arch_domainconfig")]
public struct ArchDomainConfig
{
    public const int WireSize = 8;

    [Xen("emulation_flags")] public uint EmulationFlags;
    [Xen("misc_flags")] public uint MiscellaneousFlags;
}

/// <summary>Argument of <see cref="DomctlOperation.CreateDomain"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_createdomain")]
public struct DomctlCreateDomain
{
    public const int WireSize = 64;

    [Xen("ssidref")] public uint SsidRef;
    [Xen("handle")] public DomainHandle Handle;
    [Xen("flags")] public DomainCreateFlags Flags;
    [Xen("iommu_opts")] public uint IommuOptions;
    [Xen("max_vcpus")] public uint MaxVcpus;

    /// <summary>Highest port that the domain may have.</summary>
    [Xen("max_evtchn_port")] public uint MaxEventChannelPort;

    /// <summary>Negative: the default.</summary>
    [Xen("max_grant_frames")] public int MaxGrantFrames;

    /// <summary>Negative: the default.</summary>
    [Xen("max_maptrack_frames")] public int MaxMapTrackFrames;

    /// <summary>Highest grant table version, in <see cref="DomctlLimits.GrantVersionMask"/>.</summary>
    [Xen("grant_opts")] public uint GrantOptions;

    /// <summary>In bytes; 0: none.</summary>
    [Xen("vmtrace_size")] public uint VmTraceSize;

    [Xen("cpupool_id")] public uint CpuPoolId;
    [Xen("arch")] public ArchDomainConfig Arch;
}

/// <summary>Flags of <see cref="DomctlCreateDomain"/> (<c>public/domctl.h</c>).</summary>
[Flags]
[Xen("XEN_DOMCTL_CDF_*")]
public enum DomainCreateFlags : uint
{
    None = 0,

    /// <summary>An HVM or PVH domain; without it, a PV one.</summary>
    [Xen("XEN_DOMCTL_CDF_hvm")] Hvm = 1 << 0,

    /// <summary>Hardware-assisted paging.</summary>
    [Xen("XEN_DOMCTL_CDF_hap")] Hap = 1 << 1,

    [Xen("XEN_DOMCTL_CDF_s3_integrity")] S3Integrity = 1 << 2,

    /// <summary>Shadow paging without out-of-sync pages.</summary>
    [Xen("XEN_DOMCTL_CDF_oos_off")] OutOfSyncOff = 1 << 3,

    /// <summary>The domain runs xenstored.</summary>
    [Xen("XEN_DOMCTL_CDF_xs_domain")] XenStoreDomain = 1 << 4,

    /// <summary>Devices may be passed to it.</summary>
    [Xen("XEN_DOMCTL_CDF_iommu")] Iommu = 1 << 5,

    [Xen("XEN_DOMCTL_CDF_nested_virt")] NestedVirtualization = 1 << 6,
    [Xen("XEN_DOMCTL_CDF_vpmu")] Vpmu = 1 << 7,
}

/// <summary>Constants of the domctl interface (<c>public/domctl.h</c>).</summary>
public static class DomctlLimits
{
    [Xen("XEN_DOMCTL_GRANT_version_mask")] public const uint GrantVersionMask = 15;
}
