using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Events;

/// <summary>How pending and masked ports stand in memory shared with the guest: two-level bitmaps, or FIFO queues.</summary>
/// <remarks>Called with the domain's events lock held, for open ports (busy: for any within the limit). What the guest writes there is its own affair: nothing here trusts it.</remarks>
internal interface IEventAbi
{
    /// <summary>Ports from here on do not exist.</summary>
    uint PortLimit { get; }

    /// <summary>Marks a port pending. True when the vCPU must be told: it had nothing pending there, and the port is not masked.</summary>
    bool SetPending(Vcpu vcpu, EventChannel channel);

    void ClearPending(EventChannel channel);

    bool IsPending(EventChannel channel);

    bool IsMasked(EventChannel channel);

    /// <summary>Whether a closed port must not be given out yet.</summary>
    bool IsBusy(EventChannel channel);

    /// <summary>Takes the mask away. True when the vCPU must be told, because the port is pending.</summary>
    bool Unmask(Vcpu vcpu, EventChannel channel);
}
