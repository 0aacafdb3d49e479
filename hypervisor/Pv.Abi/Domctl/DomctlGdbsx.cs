using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="DomctlOperation.GdbsxGuestMemoryIo"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_gdbsx_memio")]
public struct DomctlGdbsxMemoryIo
{
    public const int WireSize = 40;

    [Xen("pgd3val")] public ulong Pgd3Value;
    [Xen("gva")] public ulong GuestAddress;
    [Xen("uva")] public ulong UserAddress;
    [Xen("len")] public uint Length;

    /// <summary>Not 0: write to the guest.</summary>
    [Xen("gwr")] public byte Write;

    /// <summary>Out: bytes not copied.</summary>
    [Xen("remain")] public uint Remaining;
}

/// <summary>Argument of <see cref="DomctlOperation.GdbsxPauseVcpu"/> and <see cref="DomctlOperation.GdbsxUnpauseVcpu"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_gdbsx_pauseunp_vcpu")]
public struct DomctlGdbsxVcpu
{
    public const int WireSize = 4;

    [Xen("vcpu")] public VcpuId Vcpu;
}

/// <summary>Argument of <see cref="DomctlOperation.GdbsxDomainStatus"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_gdbsx_domstatus")]
public struct DomctlGdbsxDomainStatus
{
    public const int WireSize = 12;

    /// <summary>Not 0: the domain is paused.</summary>
    [Xen("paused")] public byte Paused;

    [Xen("vcpu_id")] public VcpuId Vcpu;
    [Xen("vcpu_ev")] public uint VcpuEvent;
}
