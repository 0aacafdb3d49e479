using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="DomctlOperation.SetDomainHandle"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_setdomainhandle")]
public struct DomctlSetDomainHandle
{
    public const int WireSize = 16;

    [Xen("handle")] public DomainHandle Handle;
}

/// <summary>Argument of <see cref="DomctlOperation.SetDebugging"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_setdebugging")]
public struct DomctlSetDebugging
{
    public const int WireSize = 1;

    /// <summary>Not 0: on.</summary>
    [Xen("enable")] public byte Enable;
}

/// <summary>Argument of <see cref="DomctlOperation.IrqPermission"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_irq_permission")]
public struct DomctlIrqPermission
{
    public const int WireSize = 8;

    [Xen("pirq")] public uint Pirq;

    /// <summary>Not 0: allow.</summary>
    [Xen("allow_access")] public byte AllowAccess;
}

/// <summary>Argument of <see cref="DomctlOperation.IoMemoryPermission"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_iomem_permission")]
public struct DomctlIoMemoryPermission
{
    public const int WireSize = 24;

    [Xen("first_mfn")] public Mfn FirstMfn;
    [Xen("nr_mfns")] public ulong MfnCount;

    /// <summary>Not 0: allow.</summary>
    [Xen("allow_access")] public byte AllowAccess;
}

/// <summary>Argument of <see cref="DomctlOperation.IoPortPermission"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_ioport_permission")]
public struct DomctlIoPortPermission
{
    public const int WireSize = 12;

    [Xen("first_port")] public uint FirstPort;
    [Xen("nr_ports")] public uint PortCount;

    /// <summary>Not 0: allow.</summary>
    [Xen("allow_access")] public byte AllowAccess;
}

/// <summary>Argument of <see cref="DomctlOperation.HypercallInit"/> (<c>public/domctl.h</c>). The hypervisor fills the frame with hypercall stubs.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_hypercall_init")]
public struct DomctlHypercallInit
{
    public const int WireSize = 8;

    [Xen("gmfn")] public ulong Gmfn;
}

/// <summary>Argument of <see cref="DomctlOperation.SetTimeOffset"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_settimeoffset")]
public struct DomctlSetTimeOffset
{
    public const int WireSize = 8;

    [Xen("time_offset_seconds")] public long OffsetSeconds;
}

/// <summary>Argument of <see cref="DomctlOperation.SetTarget"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_set_target")]
public struct DomctlSetTarget
{
    public const int WireSize = 2;

    [Xen("target")] public DomId Target;
}

/// <summary>Argument of <see cref="DomctlOperation.SetVirqHandler"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_set_virq_handler")]
public struct DomctlSetVirqHandler
{
    public const int WireSize = 4;

    [Xen("virq")] public VirtualIrq Virq;
}

/// <summary>Argument of <see cref="DomctlOperation.Subscribe"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_subscribe")]
public struct DomctlSubscribe
{
    public const int WireSize = 4;

    [Xen("port")] public EventPort Port;
}

/// <summary>Argument of <see cref="DomctlOperation.GetTscInfo"/> and <see cref="DomctlOperation.SetTscInfo"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_tsc_info")]
public struct DomctlTscInfo
{
    public const int WireSize = 24;

    [Xen("tsc_mode")] public uint TscMode;
    [Xen("gtsc_khz")] public uint GuestTscKhz;
    [Xen("incarnation")] public uint Incarnation;
    [Xen("elapsed_nsec")] public ulong ElapsedNanoseconds;
}

/// <summary>Argument of <see cref="DomctlOperation.GetCpuPolicy"/> and <see cref="DomctlOperation.SetCpuPolicy"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_cpu_policy")]
public struct DomctlCpuPolicy
{
    public const int WireSize = 40;

    [Xen("nr_leaves")] public uint LeafCount;
    [Xen("nr_msrs")] public uint MsrCount;

    /// <summary>Guest address of an array of <see cref="CpuidLeaf"/>.</summary>
    [Xen("leaves")] public ulong Leaves;

    /// <summary>Guest address of an array of <see cref="MsrEntry"/>.</summary>
    [Xen("msrs")] public ulong Msrs;

    [Xen("err_leaf")] public uint ErrorLeaf;
    [Xen("err_subleaf")] public uint ErrorSubleaf;
    [Xen("err_msr")] public uint ErrorMsr;
}

/// <summary>A CPUID leaf of a policy (<c>public/arch-x86/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_cpuid_leaf")]
public struct CpuidLeaf
{
    public const int WireSize = 24;

    [Xen("leaf")] public uint Leaf;
    [Xen("subleaf")] public uint Subleaf;
    [Xen("a")] public uint Eax;
    [Xen("b")] public uint Ebx;
    [Xen("c")] public uint Ecx;
    [Xen("d")] public uint Edx;
}

/// <summary>A model-specific register of a policy (<c>public/arch-x86/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_msr_entry")]
public struct MsrEntry
{
    public const int WireSize = 16;

    [Xen("idx")] public uint Index;
    [Xen("flags")] public uint Flags;
    [Xen("val")] public ulong Value;
}
