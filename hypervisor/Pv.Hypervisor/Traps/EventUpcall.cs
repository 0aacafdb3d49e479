using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Traps;

/// <summary>The upcall: how a guest's kernel hears that events are pending.</summary>
internal static class EventUpcall
{
    /// <summary>Enters the event callback, with events masked. A guest that has none yet hears of events later.</summary>
    public static void Deliver(Vcpu vcpu)
    {
        var callback = vcpu.Traps.Event;
        if (callback.IsSet)
            BounceFrame.Enter(vcpu, callback with { MasksEvents = true });
    }
}
