using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Allocates a port in <see cref="Domain"/> that <see cref="RemoteDomain"/> may bind to.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_alloc_unbound")]
public struct EventChannelAllocUnbound
{
    public const int WireSize = 8;

    [Xen("dom")] public DomId Domain;
    [Xen("remote_dom")] public DomId RemoteDomain;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("port")] public EventPort Port;
}

/// <summary>Binds a port of the caller to an unbound port of another domain.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_bind_interdomain")]
public struct EventChannelBindInterdomain
{
    public const int WireSize = 12;

    [Xen("remote_dom")] public DomId RemoteDomain;
    [Xen("remote_port")] public EventPort RemotePort;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("local_port")] public EventPort LocalPort;
}

/// <summary>Binds a port to a virtual interrupt of one vCPU (0 for a global one).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_bind_virq")]
public struct EventChannelBindVirq
{
    public const int WireSize = 12;

    [Xen("virq")] public VirtualIrq Virq;
    [Xen("vcpu")] public VcpuId Vcpu;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("port")] public EventPort Port;
}

/// <summary>Binds a port to a physical interrupt.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_bind_pirq")]
public struct EventChannelBindPirq
{
    public const int WireSize = 12;

    [Xen("pirq")] public uint Pirq;
    [Xen("flags")] public uint Flags;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("port")] public EventPort Port;
}

/// <summary>Allocates a port by which a domain interrupts its own vCPU.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_bind_ipi")]
public struct EventChannelBindIpi
{
    public const int WireSize = 8;

    [Xen("vcpu")] public VcpuId Vcpu;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("port")] public EventPort Port;
}

/// <summary>Closes a port of the caller; the other end becomes unbound.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_close")]
public struct EventChannelClose
{
    public const int WireSize = 4;

    [Xen("port")] public EventPort Port;
}

/// <summary>Sends an event through a port of the caller.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_send")]
public struct EventChannelSend
{
    public const int WireSize = 4;

    [Xen("port")] public EventPort Port;
}

/// <summary>Says which vCPU a port notifies.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_bind_vcpu")]
public struct EventChannelBindVcpu
{
    public const int WireSize = 8;

    [Xen("port")] public EventPort Port;
    [Xen("vcpu")] public VcpuId Vcpu;
}

/// <summary>Unmasks a port and, if it was pending, delivers the event.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_unmask")]
public struct EventChannelUnmask
{
    public const int WireSize = 4;

    [Xen("port")] public EventPort Port;
}

/// <summary>Closes every port of a domain.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_reset")]
public struct EventChannelReset
{
    public const int WireSize = 2;

    [Xen("dom")] public DomId Domain;
}

/// <summary>Gives a vCPU's control block of the FIFO ABI, and turns that ABI on.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_init_control")]
public struct EventChannelInitControl
{
    public const int WireSize = 24;

    /// <summary>The guest's frame with the control block.</summary>
    [Xen("control_gfn")] public ulong ControlGfn;

    /// <summary>Of the control block within the frame, in bytes.</summary>
    [Xen("offset")] public uint Offset;

    [Xen("vcpu")] public VcpuId Vcpu;

    /// <summary>Written by the hypervisor: width of the link field.</summary>
    [Xen("link_bits")] public byte LinkBits;
}

/// <summary>Adds a page to the event array of the FIFO ABI.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_expand_array")]
public struct EventChannelExpandArray
{
    public const int WireSize = 8;

    [Xen("array_gfn")] public ulong ArrayGfn;
}

/// <summary>Sets a port's priority under the FIFO ABI: 0 highest, 15 lowest.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_set_priority")]
public struct EventChannelSetPriority
{
    public const int WireSize = 8;

    [Xen("port")] public EventPort Port;
    [Xen("priority")] public uint Priority;
}
