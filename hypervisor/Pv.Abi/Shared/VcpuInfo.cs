using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>What a vCPU and the hypervisor share (<c>public/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_info")]
public struct VcpuInfo
{
    public const int WireSize = 64;

    /// <summary>Not 0: some selected word has a pending event.</summary>
    [Xen("evtchn_upcall_pending")] public byte UpcallPending;

    /// <summary>Not 0: no upcalls. The guest's interrupt flag, inverted.</summary>
    [Xen("evtchn_upcall_mask")] public byte UpcallMask;

    /// <summary>A bit for each word of <see cref="SharedInfo.Pending"/>.</summary>
    [Xen("evtchn_pending_sel")] public ulong PendingSelector;

    [Xen("arch")] public ArchVcpuInfo Arch;
    [Xen("time")] public VcpuTimeInfo Time;
}

/// <summary>The part of a <see cref="VcpuInfo"/> that is x86's (<c>public/arch-x86/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct arch_vcpu_info")]
public struct ArchVcpuInfo
{
    public const int WireSize = 16;

    /// <summary>The address of the last page fault delivered.</summary>
    [Xen("cr2")] public ulong Cr2;
}
