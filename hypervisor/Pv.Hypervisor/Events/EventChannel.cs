using Pv.Abi;

namespace Pv.Hypervisor.Events;

/// <summary>One port of a domain. The domain's events lock guards it, but for reading <see cref="Peer"/>.</summary>
internal sealed class EventChannel(EventPort port)
{
    private volatile EventPeer? _peer;

    public EventPort Port { get; } = port;

    public EventChannelState State { get; set; }

    /// <summary>The vCPU that hears of it.</summary>
    public VcpuId Vcpu { get; set; }

    /// <summary>Unbound: who may bind. Interdomain: who is at the other end.</summary>
    public DomId RemoteDomain { get; set; }

    /// <summary>Interdomain: the other end.</summary>
    public EventPeer? Peer
    {
        get => _peer;
        set => _peer = value;
    }

    public EventPort RemotePort => _peer?.Port ?? default;

    public VirtualIrq Virq { get; set; }

    /// <summary>With FIFO queues: the queue for events to come, 0 highest, 15 lowest.</summary>
    public byte Priority { get; set; } = (byte)FifoEvents.DefaultPriority;

    public void Clear()
    {
        State = EventChannelState.Closed;
        Vcpu = default;
        RemoteDomain = default;
        Peer = null;
        Virq = default;
        Priority = (byte)FifoEvents.DefaultPriority;
    }
}
