using Pv.Abi;

namespace Pv.Hypervisor.Events;

/// <summary>One port of a domain. The domain's events lock guards it.</summary>
internal sealed class EventChannel(EventPort port)
{
    public EventPort Port { get; } = port;

    public EventChannelState State { get; set; }

    /// <summary>The vCPU that hears of it.</summary>
    public VcpuId Vcpu { get; set; }

    /// <summary>Unbound: who may bind. Interdomain: who is at the other end.</summary>
    public DomId RemoteDomain { get; set; }

    public EventPort RemotePort { get; set; }

    public VirtualIrq Virq { get; set; }

    /// <summary>With FIFO queues: the queue for events to come, 0 highest, 15 lowest.</summary>
    public byte Priority { get; set; } = (byte)FifoEvents.DefaultPriority;

    public void Clear()
    {
        State = EventChannelState.Closed;
        Vcpu = default;
        RemoteDomain = default;
        RemotePort = default;
        Virq = default;
        Priority = (byte)FifoEvents.DefaultPriority;
    }
}
