using Pv.Abi;

namespace Pv.Guest;

/// <content><c>event_channel_op</c> (<c>public/event_channel.h</c>).</content>
public sealed partial class Hypercalls
{
    /// <summary>Makes a port of <paramref name="domain"/> to which <paramref name="remote"/> may bind.</summary>
    public Errno AllocUnbound(DomId domain, DomId remote, out EventPort port)
    {
        var argument = new EventChannelAllocUnbound { Domain = domain, RemoteDomain = remote };
        var errno = EventChannel(EventChannelOperation.AllocUnbound, ref argument);
        port = argument.Port;
        return errno;
    }

    /// <summary>Binds a port of the caller to one that the remote domain left unbound for it.</summary>
    public Errno BindInterdomain(DomId remote, EventPort remotePort, out EventPort port)
    {
        var argument = new EventChannelBindInterdomain { RemoteDomain = remote, RemotePort = remotePort };
        var errno = EventChannel(EventChannelOperation.BindInterdomain, ref argument);
        port = argument.LocalPort;
        return errno;
    }

    public Errno BindVirq(VirtualIrq virq, VcpuId vcpu, out EventPort port)
    {
        var argument = new EventChannelBindVirq { Virq = virq, Vcpu = vcpu };
        var errno = EventChannel(EventChannelOperation.BindVirq, ref argument);
        port = argument.Port;
        return errno;
    }

    public Errno BindIpi(VcpuId vcpu, out EventPort port)
    {
        var argument = new EventChannelBindIpi { Vcpu = vcpu };
        var errno = EventChannel(EventChannelOperation.BindIpi, ref argument);
        port = argument.Port;
        return errno;
    }

    /// <summary>Notifies the other end of a port.</summary>
    public Errno Send(EventPort port)
    {
        var argument = new EventChannelSend { Port = port };
        return EventChannel(EventChannelOperation.Send, ref argument);
    }

    public Errno Close(EventPort port)
    {
        var argument = new EventChannelClose { Port = port };
        return EventChannel(EventChannelOperation.Close, ref argument);
    }

    /// <summary>Clears a port's mask bit and has a pending event delivered.</summary>
    public Errno Unmask(EventPort port)
    {
        var argument = new EventChannelUnmask { Port = port };
        return EventChannel(EventChannelOperation.Unmask, ref argument);
    }

    /// <summary>What a port is bound to. The argument's domain and port say which.</summary>
    public Errno Status(ref EventChannelStatus status) => EventChannel(EventChannelOperation.Status, ref status);

    private Errno EventChannel<T>(EventChannelOperation operation, ref T argument) where T : unmanaged
        => ErrnoOf(Call(HypercallNumber.EventChannelOp, (ulong)operation, ref argument));
}
