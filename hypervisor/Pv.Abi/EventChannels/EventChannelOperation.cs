namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.EventChannelOp"/>; the argument of each is the struct of the same name (<c>public/event_channel.h</c>).</summary>
[Xen("EVTCHNOP_*")]
public enum EventChannelOperation : uint
{
    [Xen("EVTCHNOP_bind_interdomain")] BindInterdomain = 0,
    [Xen("EVTCHNOP_bind_virq")] BindVirq = 1,
    [Xen("EVTCHNOP_bind_pirq")] BindPirq = 2,
    [Xen("EVTCHNOP_close")] Close = 3,
    [Xen("EVTCHNOP_send")] Send = 4,
    [Xen("EVTCHNOP_status")] Status = 5,
    [Xen("EVTCHNOP_alloc_unbound")] AllocUnbound = 6,
    [Xen("EVTCHNOP_bind_ipi")] BindIpi = 7,
    [Xen("EVTCHNOP_bind_vcpu")] BindVcpu = 8,
    [Xen("EVTCHNOP_unmask")] Unmask = 9,
    [Xen("EVTCHNOP_reset")] Reset = 10,
    [Xen("EVTCHNOP_init_control")] InitControl = 11,
    [Xen("EVTCHNOP_expand_array")] ExpandArray = 12,
    [Xen("EVTCHNOP_set_priority")] SetPriority = 13,
}
