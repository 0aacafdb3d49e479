using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Events;

/// <summary>How pending and masked ports stand in memory shared with the guest: two-level bitmaps, or FIFO queues.</summary>
/// <remarks>Called with the domain's events lock held.</remarks>
internal interface IEventAbi
{
    /// <summary>Ports from here on do not exist.</summary>
    uint PortLimit { get; }

    /// <summary>Marks a port pending. True when the vCPU must be told: it was not pending, and is not masked.</summary>
    bool SetPending(Vcpu vcpu, EventPort port);

    void ClearPending(Domain domain, EventPort port);

    bool IsPending(Domain domain, EventPort port);

    bool IsMasked(Domain domain, EventPort port);

    /// <summary>Takes the mask away. True when the port is pending, so that the vCPU must be told.</summary>
    bool Unmask(Vcpu vcpu, EventPort port);
}
