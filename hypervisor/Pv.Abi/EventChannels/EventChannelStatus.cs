using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>What a port is, as <see cref="EventChannelStatus"/> tells (<c>public/event_channel.h</c>).</summary>
[Xen("EVTCHNSTAT_*")]
public enum EventChannelState : uint
{
    [Xen("EVTCHNSTAT_closed")] Closed = 0,
    [Xen("EVTCHNSTAT_unbound")] Unbound = 1,
    [Xen("EVTCHNSTAT_interdomain")] Interdomain = 2,
    [Xen("EVTCHNSTAT_pirq")] Pirq = 3,
    [Xen("EVTCHNSTAT_virq")] Virq = 4,
    [Xen("EVTCHNSTAT_ipi")] Ipi = 5,
}

/// <summary>Argument of <see cref="EventChannelOperation.Status"/>: which the fields of the union are valid follows from <see cref="State"/> (<c>public/event_channel.h</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct evtchn_status")]
public struct EventChannelStatus
{
    public const int WireSize = 24;

    [Xen("dom"), FieldOffset(0)] public DomId Domain;
    [Xen("port"), FieldOffset(4)] public EventPort Port;
    [Xen("status"), FieldOffset(8)] public EventChannelState State;
    [Xen("vcpu"), FieldOffset(12)] public VcpuId Vcpu;

    /// <summary>Unbound: who may bind.</summary>
    [Xen("u.unbound.dom"), FieldOffset(16)] public DomId UnboundDomain;

    /// <summary>Interdomain: whose the other end is.</summary>
    [Xen("u.interdomain.dom"), FieldOffset(16)] public DomId RemoteDomain;

    [Xen("u.interdomain.port"), FieldOffset(20)] public EventPort RemotePort;
    [Xen("u.pirq"), FieldOffset(16)] public uint Pirq;
    [Xen("u.virq"), FieldOffset(16)] public VirtualIrq Virq;
}
