using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Result of <see cref="DomctlOperation.GetDomainInfo"/>, and element of <see cref="SysctlOperation.GetDomainInfoList"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_getdomaininfo")]
public struct DomctlGetDomainInfo
{
    public const int WireSize = 112;

    [Xen("domain")] public DomId Domain;
    [Xen("flags")] public DomainInfoFlags Flags;
    [Xen("tot_pages")] public ulong TotalPages;
    [Xen("max_pages")] public ulong MaxPages;
    [Xen("outstanding_pages")] public ulong OutstandingPages;
    [Xen("shr_pages")] public ulong SharedPages;
    [Xen("paged_pages")] public ulong PagedPages;

    /// <summary>Frame of the <see cref="SharedInfo"/> page.</summary>
    [Xen("shared_info_frame")] public ulong SharedInfoFrame;

    /// <summary>Nanoseconds, of all vCPUs.</summary>
    [Xen("cpu_time")] public ulong CpuTime;

    /// <summary>vCPUs that are up.</summary>
    [Xen("nr_online_vcpus")] public uint OnlineVcpuCount;

    /// <summary>The highest that was created.</summary>
    [Xen("max_vcpu_id")] public uint MaxVcpuId;

    [Xen("ssidref")] public uint SsidRef;
    [Xen("handle")] public DomainHandle Handle;
    [Xen("cpupool")] public uint CpuPool;
    [Xen("gpaddr_bits")] public byte GuestAddressBits;
    private Array7<byte> _padding;
    [Xen("arch_config")] public ArchDomainConfig ArchConfig;

    /// <summary>Why the domain shut down, once <see cref="DomainInfoFlags.Shutdown"/> is set.</summary>
    public readonly ShutdownReason ShutdownReason =>
        (ShutdownReason)((uint)(Flags & DomainInfoFlags.ShutdownMask) >> DomainInfo.ShutdownShift);
}

/// <summary>Flags of <see cref="DomctlGetDomainInfo"/> (<c>public/domctl.h</c>).</summary>
[Flags]
[Xen("XEN_DOMINF_*")]
public enum DomainInfoFlags : uint
{
    None = 0,

    /// <summary>Being destroyed.</summary>
    [Xen("XEN_DOMINF_dying")] Dying = 1 << 0,

    [Xen("XEN_DOMINF_hvm_guest")] HvmGuest = 1 << 1,

    /// <summary>Shut down by itself; the reason is in <see cref="ShutdownMask"/>.</summary>
    [Xen("XEN_DOMINF_shutdown")] Shutdown = 1 << 2,

    /// <summary>Paused by the toolstack.</summary>
    [Xen("XEN_DOMINF_paused")] Paused = 1 << 3,

    /// <summary>All vCPUs wait for events.</summary>
    [Xen("XEN_DOMINF_blocked")] Blocked = 1 << 4,

    /// <summary>Some vCPU is on a pCPU.</summary>
    [Xen("XEN_DOMINF_running")] Running = 1 << 5,

    [Xen("XEN_DOMINF_debugged")] Debugged = 1 << 6,
    [Xen("XEN_DOMINF_xs_domain")] XenStoreDomain = 1 << 7,
    [Xen("XEN_DOMINF_hap")] Hap = 1 << 8,

    /// <summary>The <see cref="ShutdownReason"/>, shifted by <see cref="DomainInfo.ShutdownShift"/>.</summary>
    ShutdownMask = 0xffu << DomainInfo.ShutdownShift,
}

/// <summary>Constants of <see cref="DomctlGetDomainInfo"/> (<c>public/domctl.h</c>).</summary>
public static class DomainInfo
{
    /// <summary>Before the shift.</summary>
    [Xen("XEN_DOMINF_shutdownmask")] public const uint ShutdownMask = 0xff;

    [Xen("XEN_DOMINF_shutdownshift")] public const int ShutdownShift = 16;
}
