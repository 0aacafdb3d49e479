using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The page that a domain and the hypervisor share (<c>public/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct shared_info")]
public struct SharedInfo
{
    public const int WireSize = 3136;

    /// <summary>Of the first 32 vCPUs, until they register one of their own.</summary>
    [Xen("vcpu_info")] public Array32<VcpuInfo> VcpuInfo;

    /// <summary>2-level events: a bit a port, set by the sender.</summary>
    [Xen("evtchn_pending")] public Array64<ulong> Pending;

    /// <summary>2-level events: a bit a port, set by the guest.</summary>
    [Xen("evtchn_mask")] public Array64<ulong> Mask;

    /// <summary>Odd while the wall clock is being written.</summary>
    [Xen("wc_version")] public uint WallClockVersion;

    /// <summary>Wall clock at system time 0: seconds since 1970, low half.</summary>
    [Xen("wc_sec")] public uint WallClockSeconds;

    [Xen("wc_nsec")] public uint WallClockNanoseconds;
    [Xen("wc_sec_hi")] public uint WallClockSecondsHigh;
    [Xen("arch")] public ArchSharedInfo Arch;
}

/// <summary>The part of <see cref="SharedInfo"/> that is x86's (<c>public/arch-x86/xen.h</c>). The guest writes it, for the toolstack's use.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct arch_shared_info")]
public struct ArchSharedInfo
{
    public const int WireSize = 48;

    /// <summary>One more than the highest guest frame number.</summary>
    [Xen("max_pfn")] public ulong MaxPfn;

    /// <summary>Machine frame of the tree's root; all ones: the map is too large for it.</summary>
    [Xen("pfn_to_mfn_frame_list_list")] public ulong PfnToMfnFrameListList;

    [Xen("nmi_reason")] public ulong NmiReason;

    /// <summary>Page-table root under which <see cref="P2mVaddr"/> is the linear map; 0: there is none.</summary>
    [Xen("p2m_cr3")] public ulong P2mCr3;

    [Xen("p2m_vaddr")] public ulong P2mVaddr;

    /// <summary>Raised before and after each change of the linear map.</summary>
    [Xen("p2m_generation")] public ulong P2mGeneration;
}

/// <summary>Limits of <see cref="SharedInfo"/> (<c>public/arch-x86/xen.h</c>).</summary>
public static class SharedInfoLimits
{
    /// <summary>How many vCPUs have a <see cref="VcpuInfo"/> in the page.</summary>
    [Xen("XEN_LEGACY_MAX_VCPUS")] public const int VcpuCount = 32;
}
