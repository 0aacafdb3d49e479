using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="DomctlOperation.SetVcpuAffinity"/> and <see cref="DomctlOperation.GetVcpuAffinity"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_vcpuaffinity")]
public struct DomctlVcpuAffinity
{
    public const int WireSize = 40;

    [Xen("vcpu")] public VcpuId Vcpu;
    [Xen("flags")] public VcpuAffinityFlags Flags;

    /// <summary>In: where it may run. Out: where it may and can.</summary>
    [Xen("cpumap_hard")] public XenctlBitmap Hard;

    /// <summary>Where it prefers to run.</summary>
    [Xen("cpumap_soft")] public XenctlBitmap Soft;
}

/// <summary>Flags of <see cref="DomctlVcpuAffinity"/> (<c>public/domctl.h</c>).</summary>
[Flags]
[Xen("XEN_VCPUAFFINITY_*")]
public enum VcpuAffinityFlags : uint
{
    None = 0,
    [Xen("XEN_VCPUAFFINITY_HARD")] Hard = 1 << 0,
    [Xen("XEN_VCPUAFFINITY_SOFT")] Soft = 1 << 1,

    /// <summary>Even if the vCPU is pinned for a while.</summary>
    [Xen("XEN_VCPUAFFINITY_FORCE")] Force = 1 << 2,
}

/// <summary>Argument of <see cref="DomctlOperation.SetVcpuContext"/> and <see cref="DomctlOperation.GetVcpuContext"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_vcpucontext")]
public struct DomctlVcpuContext
{
    public const int WireSize = 16;

    [Xen("vcpu")] public VcpuId Vcpu;

    /// <summary>Guest address of a <see cref="VcpuGuestContext"/>.</summary>
    [Xen("ctxt")] public ulong Context;
}

/// <summary>Argument of <see cref="DomctlOperation.SetExtendedVcpuContext"/> and <see cref="DomctlOperation.GetExtendedVcpuContext"/>: what <see cref="VcpuGuestContext"/> has no room for (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct xen_domctl_ext_vcpucontext")]
public struct DomctlExtendedVcpuContext
{
    public const int WireSize = 64;

    [Xen("vcpu"), FieldOffset(0)] public VcpuId Vcpu;
    [Xen("size"), FieldOffset(4)] public uint Size;
    [Xen("syscall32_callback_eip"), FieldOffset(8)] public ulong Syscall32CallbackRip;
    [Xen("sysenter_callback_eip"), FieldOffset(16)] public ulong SysenterCallbackRip;
    [Xen("syscall32_callback_cs"), FieldOffset(24)] public ushort Syscall32CallbackCs;
    [Xen("sysenter_callback_cs"), FieldOffset(26)] public ushort SysenterCallbackCs;
    [Xen("syscall32_disables_events"), FieldOffset(28)] public byte Syscall32DisablesEvents;
    [Xen("sysenter_disables_events"), FieldOffset(29)] public byte SysenterDisablesEvents;

    /// <summary>State of the machine-check registers.</summary>
    [Xen("vmce"), FieldOffset(32)] public Array32<byte> MachineCheck;
}

/// <summary>Argument of <see cref="DomctlOperation.GetVcpuInfo"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_getvcpuinfo")]
public struct DomctlGetVcpuInfo
{
    public const int WireSize = 24;

    [Xen("vcpu")] public VcpuId Vcpu;

    /// <summary>Not 0: up.</summary>
    [Xen("online")] public byte Online;

    /// <summary>Not 0: waits for an event.</summary>
    [Xen("blocked")] public byte Blocked;

    /// <summary>Not 0: on a pCPU.</summary>
    [Xen("running")] public byte Running;

    /// <summary>Nanoseconds.</summary>
    [Xen("cpu_time")] public ulong CpuTime;

    /// <summary>The pCPU it is on, or was last.</summary>
    [Xen("cpu")] public uint Cpu;
}

/// <summary>Argument of <see cref="DomctlOperation.MaxVcpus"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_max_vcpus")]
public struct DomctlMaxVcpus
{
    public const int WireSize = 4;

    [Xen("max")] public uint Max;
}

/// <summary>Argument of <see cref="DomctlOperation.SetVcpuExtendedState"/> and <see cref="DomctlOperation.GetVcpuExtendedState"/>: the <c>xsave</c> state (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_vcpuextstate")]
public struct DomctlVcpuExtendedState
{
    public const int WireSize = 32;

    [Xen("vcpu")] public VcpuId Vcpu;
    [Xen("xfeature_mask")] public ulong FeatureMask;

    /// <summary>In bytes; 0 asks for the size.</summary>
    [Xen("size")] public ulong Size;

    [Xen("buffer")] public ulong Buffer;
}

/// <summary>A model-specific register within <see cref="DomctlVcpuMsrs"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_vcpu_msr")]
public struct DomctlVcpuMsr
{
    public const int WireSize = 16;

    [Xen("index")] public uint Index;
    [Xen("reserved")] public uint Reserved;
    [Xen("value")] public ulong Value;
}

/// <summary>Argument of <see cref="DomctlOperation.GetVcpuMsrs"/> and <see cref="DomctlOperation.SetVcpuMsrs"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_vcpu_msrs")]
public struct DomctlVcpuMsrs
{
    public const int WireSize = 16;

    [Xen("vcpu")] public VcpuId Vcpu;
    [Xen("msr_count")] public uint MsrCount;

    /// <summary>Guest address of an array of <see cref="DomctlVcpuMsr"/>.</summary>
    [Xen("msrs")] public ulong Msrs;
}

/// <summary>Argument of <see cref="DomctlOperation.SendTrigger"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_sendtrigger")]
public struct DomctlSendTrigger
{
    public const int WireSize = 8;

    [Xen("trigger")] public DomainTrigger Trigger;
    [Xen("vcpu")] public VcpuId Vcpu;
}

/// <summary>What <see cref="DomctlSendTrigger"/> raises (<c>public/domctl.h</c>).</summary>
[Xen("XEN_DOMCTL_SENDTRIGGER_*")]
public enum DomainTrigger : uint
{
    [Xen("XEN_DOMCTL_SENDTRIGGER_NMI")] Nmi = 0,
    [Xen("XEN_DOMCTL_SENDTRIGGER_RESET")] Reset = 1,
    [Xen("XEN_DOMCTL_SENDTRIGGER_INIT")] Init = 2,
    [Xen("XEN_DOMCTL_SENDTRIGGER_POWER")] Power = 3,
    [Xen("XEN_DOMCTL_SENDTRIGGER_SLEEP")] Sleep = 4,
}
