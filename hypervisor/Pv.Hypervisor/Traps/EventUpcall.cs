using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Traps;

/// <summary>The upcall: how a guest's kernel hears that events are pending.</summary>
internal static class EventUpcall
{
    /// <summary>Enters the event callback, with events masked. A guest that opens its mask without having one crashes, as on Xen.</summary>
    public static void Deliver(Vcpu vcpu) => BounceFrame.Enter(vcpu, vcpu.Traps.Event with { MasksEvents = true });
}
