using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Stepping;

namespace Pv.Hypervisor.Events;

/// <summary>A domain's event channels: which ports are bound to what, and how an event reaches a vCPU.</summary>
/// <remarks>
/// One lock a domain. What concerns two domains takes both locks, the lower number's first. A wake-up under the lock takes only the run
/// queue's. Who sends to another domain takes that one's only.
/// </remarks>
public sealed partial class EventChannels
{
    /// <summary>Ports come into being by so many, a word of the bitmaps, as Xen's: a number beyond those that there are is refused, one among them is a closed port.</summary>
    private const int PortsPerBucket = 64;

    private readonly Domain _domain;
    private readonly CoreLock _lock;
    private readonly EventPorts _ports = new();
    private readonly ClosedPorts _closedPorts = new();
    private readonly Dictionary<(VirtualIrq, VcpuId), EventChannel> _virqs = [];
    private IEventAbi _abi;
    private bool _closed;
    private int _nextToReset;

    internal EventChannels(Domain domain)
    {
        _domain = domain;
        _lock = new CoreLock(domain.Core.Stepper, $"the events of {domain.Id}");
        _abi = new TwoLevelEventAbi(domain);
        AddPorts();
    }

    /// <summary>Allocates a port that <paramref name="remote"/> may bind to.</summary>
    internal Errno AllocateUnbound(DomId remote, out EventPort port)
    {
        using (_lock.Hold())
        {
            port = default;
            if (Allocate(out var channel) is not Errno.None and var error)
                return error;
            channel!.State = EventChannelState.Unbound;
            channel.RemoteDomain = remote;
            port = channel.Port;
            return Errno.None;
        }
    }

    /// <summary>Binds a new port here to an unbound port of another domain (or of this one).</summary>
    internal Errno BindInterdomain(Domain remote, EventPort remotePort, out EventPort port)
    {
        port = default;
        EnterBoth(_domain, remote);
        try
        {
            if (remote.Events.FindLocked(remotePort) is not { State: EventChannelState.Unbound } other || other.RemoteDomain != _domain.Id)
                return Errno.EINVAL;
            if (Allocate(out var channel) is not Errno.None and var error)
                return error;
            channel!.State = EventChannelState.Interdomain;
            channel.RemoteDomain = remote.Id;
            channel.Peer = new EventPeer(remote.Events, remotePort);
            other.State = EventChannelState.Interdomain;
            other.RemoteDomain = _domain.Id;
            other.Peer = new EventPeer(this, channel.Port);
            port = channel.Port;
            // Whatever the other end sent before must not be lost: Xen marks the new port pending once.
            NotifyLocked(channel);
            return Errno.None;
        }
        finally
        {
            ExitBoth(_domain, remote);
        }
    }

    internal Errno BindVirq(VirtualIrq virq, VcpuId vcpu, out EventPort port)
    {
        port = default;
        if ((uint)virq >= VirtualIrqs.Count)
            return Errno.EINVAL;
        if (IsGlobal(virq) && vcpu.Value != 0)
            return Errno.EINVAL;
        if (!Exists(vcpu))
            return Errno.ENOENT;
        using (_lock.Hold())
        {
            if (_virqs.ContainsKey((virq, vcpu)))
                return Errno.EEXIST;
            if (Allocate(out var channel) is not Errno.None and var error)
                return error;
            channel!.State = EventChannelState.Virq;
            channel.Vcpu = vcpu;
            channel.Virq = virq;
            _virqs[(virq, vcpu)] = channel;
            port = channel.Port;
            return Errno.None;
        }
    }

    internal Errno BindIpi(VcpuId vcpu, out EventPort port)
    {
        port = default;
        if (!Exists(vcpu))
            return Errno.ENOENT;
        using (_lock.Hold())
        {
            if (Allocate(out var channel) is not Errno.None and var error)
                return error;
            channel!.State = EventChannelState.Ipi;
            channel.Vcpu = vcpu;
            port = channel.Port;
            return Errno.None;
        }
    }

    internal Errno BindVcpu(EventPort port, VcpuId vcpu)
    {
        if (!Exists(vcpu))
            return Errno.ENOENT;
        using (_lock.Hold())
        {
            if (FindLocked(port) is not { } channel)
                return Errno.EINVAL;
            switch (channel.State)
            {
                case EventChannelState.Virq when IsGlobal(channel.Virq):
                case EventChannelState.Unbound:
                case EventChannelState.Interdomain:
                case EventChannelState.Pirq:
                    channel.Vcpu = vcpu;
                    return Errno.None;
                default:
                    return Errno.EINVAL;
            }
        }
    }

    internal Errno Close(EventPort port)
    {
        while (true)
        {
            DomId peer;
            using (_lock.Hold())
            {
                if (FindLocked(port) is not { } channel)
                    return Errno.EINVAL;
                if (channel.State != EventChannelState.Interdomain)
                {
                    CloseLocked(channel);
                    return Errno.None;
                }
                peer = channel.RemoteDomain;
            }
            if (TryCloseInterdomain(port, peer))
                return Errno.None;
        }
    }

    internal Errno Send(EventPort port)
    {
        if (_ports.Find(port)?.Peer is not { } peer)
        {
            using (_lock.Hold())
            {
                if (FindLocked(port) is not { } channel)
                    return Errno.EINVAL;
                switch (channel.State)
                {
                    case EventChannelState.Interdomain:
                        peer = channel.Peer!;
                        break;
                    case EventChannelState.Ipi:
                        NotifyLocked(channel);
                        return Errno.None;
                    case EventChannelState.Unbound:
                        // The other end is not there yet: the event is dropped.
                        return Errno.None;
                    default:
                        return Errno.EINVAL;
                }
            }
        }
        _lock.Point();
        // Under its own lock the other end looks whether it is that still.
        peer.Events.Receive(peer.Port, _domain.Id);
        return Errno.None;
    }

    internal Errno GetStatus(EventPort port, ref EventChannelStatus status)
    {
        using (_lock.Hold())
        {
            if (FindLocked(port, evenClosed: true) is not { } channel)
                return Errno.EINVAL;
            status.State = channel.State;
            status.Vcpu = channel.Vcpu;
            switch (channel.State)
            {
                case EventChannelState.Unbound:
                    status.UnboundDomain = channel.RemoteDomain;
                    break;
                case EventChannelState.Interdomain:
                    status.RemoteDomain = channel.RemoteDomain;
                    status.RemotePort = channel.RemotePort;
                    break;
                case EventChannelState.Virq:
                    status.Virq = channel.Virq;
                    break;
            }
            return Errno.None;
        }
    }

    internal Errno Unmask(EventPort port)
    {
        using (_lock.Hold())
        {
            if (FindLocked(port, evenClosed: true) is not { } channel)
                return Errno.EINVAL;
            // A closed port stays as it is.
            if (channel.State != EventChannelState.Closed && _domain.Vcpus[channel.Vcpu.Value] is { } vcpu && _abi.Unmask(vcpu, channel))
                Tell(vcpu);
            return Errno.None;
        }
    }

    /// <summary>
    /// Closes every port and goes back to the two-level ABI (<c>EVTCHNOP_reset</c>). <see cref="Errno.ERESTART"/> when others should go
    /// before <paramref name="preemptible"/>: call again later, with <paramref name="goesOn"/>. <see cref="Errno.EBUSY"/> when another reset is not
    /// at its end, or none is to go on. <see cref="Errno.EAGAIN"/> when the guest opened ports meanwhile.
    /// </summary>
    internal Errno Reset(bool goesOn, IPreemptible? preemptible = null)
    {
        using (_lock.Hold())
        {
            if (goesOn != _nextToReset > 0)
                return Errno.EBUSY;
            if (!goesOn)
                _nextToReset = 1;
        }
        while (true)
        {
            EventPort port;
            using (_lock.Hold())
            {
                if (_nextToReset >= _ports.Count)
                {
                    _nextToReset = 0;
                    break;
                }
                port = new EventPort((uint)_nextToReset++);
            }
            _domain.Core.Meter?.Count(1);
            Close(port);
            if (port.Value % PortsPerBucket == 0 && preemptible?.IsWantedAfter(PortsPerBucket) == true)
                return Errno.ERESTART;
        }
        return LeaveFifo();
    }

    /// <summary>
    /// Closes every port for good; no event touches the domain's memory from now on. Its vCPUs are stopped. <see cref="Errno.ERESTART"/> as for
    /// <see cref="Reset"/>.
    /// </summary>
    internal Errno Destroy(IPreemptible preemptible)
    {
        bool goesOn;
        using (_lock.Hold())
        {
            // At first from the first port on, however far a reset of the guest's own had come.
            if (!_closed)
                _nextToReset = 0;
            _closed = true;
            goesOn = _nextToReset > 0;
        }
        return Reset(goesOn, preemptible);
    }

    /// <summary>Raises a virtual interrupt, if the guest bound it.</summary>
    internal void RaiseVirq(VirtualIrq virq, VcpuId vcpu)
    {
        using (_lock.Hold())
        {
            if (_virqs.TryGetValue((virq, vcpu), out var channel))
                NotifyLocked(channel);
        }
    }

    /// <summary>Whether a port is pending; false for ports that do not exist.</summary>
    internal bool IsPending(EventPort port)
    {
        using (_lock.Hold())
            return FindLocked(port) is { } channel && _abi.IsPending(channel);
    }

    /// <summary>Whether a port of this number is open: for <c>SCHEDOP_poll</c>.</summary>
    internal bool IsOpen(EventPort port)
    {
        using (_lock.Hold())
            return FindLocked(port) is not null;
    }

    /// <summary>How many ports are open.</summary>
    internal int OpenPorts
    {
        get
        {
            using (_lock.Hold())
                return OpenPortsLocked;
        }
    }

    private void Receive(EventPort port, DomId from)
    {
        using (_lock.Hold())
        {
            if (FindLocked(port) is { State: EventChannelState.Interdomain } channel && channel.RemoteDomain == from)
                NotifyLocked(channel);
        }
    }

    private void NotifyLocked(EventChannel channel)
    {
        if (_closed || _domain.Vcpus[channel.Vcpu.Value] is not { } vcpu)
            return;
        if (_abi.SetPending(vcpu, channel))
            Tell(vcpu);
        else if (vcpu.IsResting)
            vcpu.Kick();
        WakePoller(channel.Port);
    }

    private void Tell(Vcpu vcpu)
    {
        // The byte is set before the guest's mask is looked at; the guest clears its mask before it looks at the byte.
        var first = Interlocked.Exchange(ref vcpu.Info.UpcallPending, 1) == 0;
        if (_domain.Kind == DomainKind.Control)
            _domain.Gate!.RaiseUpcall();
        else if (first || vcpu.IsBlocked)
            vcpu.Kick();
    }

    private void WakePoller(EventPort port)
    {
        foreach (var vcpu in _domain.Vcpus)
        {
            if (vcpu is null || vcpu.PolledPort == 0)
                continue;
            if (vcpu.PolledPort == (int)port.Value || vcpu.PolledPort < 0)
            {
                vcpu.PolledPort = 0;
                vcpu.Kick();
            }
        }
    }

    private Errno Allocate(out EventChannel? channel)
    {
        channel = null;
        if (_closed || _domain.IsDying)
            return Errno.EINVAL;
        for (uint i = 1; ; i++)
        {
            if (!_closedPorts.TryFind(i, out i))
                i = (uint)_ports.Count;
            if (i > _domain.Limits.MaxEventPort || i >= _abi.PortLimit)
                return Errno.ENOSPC;
            if (i == _ports.Count)
                AddPorts();
            _domain.Core.Meter?.Count(1);
            var candidate = _ports[(int)i];
            if (_abi.IsBusy(candidate))
                continue;
            _lock.Point();
            channel = candidate;
            _closedPorts.Remove(candidate.Port);
            return Errno.None;
        }
    }

    // Port 0 is none.
    private int OpenPortsLocked => _ports.Count - 1 - _closedPorts.Count;

    /// <summary>A bit for each open port of a word of bitmaps.</summary>
    private ulong OpenPortsOf(int word) => word >= _ports.Count / PortsPerBucket ? 0 : ~_closedPorts.Word(word) & (word == 0 ? ~1ul : ulong.MaxValue);

    private void AddPorts()
    {
        for (var i = 0; i < PortsPerBucket; i++)
        {
            var port = _ports.Add();
            if (port.Value != 0)
                _closedPorts.Add(port);
        }
    }

    private EventChannel? FindLocked(EventPort port, bool evenClosed = false)
    {
        if (port.Value >= (uint)_ports.Count)
            return null;
        _lock.Point();
        var channel = _ports[(int)port.Value];
        return channel.State == EventChannelState.Closed && !evenClosed ? null : channel;
    }

    private void CloseLocked(EventChannel channel)
    {
        if (channel.State == EventChannelState.Virq)
            _virqs.Remove((channel.Virq, IsGlobal(channel.Virq) ? default : channel.Vcpu)); // a global one may have moved to another vCPU meanwhile
        channel.Clear();
        _closedPorts.Add(channel.Port);
        _abi.ClearPending(channel);
    }

    private bool TryCloseInterdomain(EventPort port, DomId peer)
    {
        // A peer that went meanwhile has closed its end, which unbound this one: looked at again.
        if (_domain.Core.Domains.Find(peer) is not { } remote)
            return false;
        EnterBoth(_domain, remote);
        try
        {
            // It may have been closed from the other side before the locks were taken.
            if (FindLocked(port) is not { State: EventChannelState.Interdomain } channel || channel.RemoteDomain != peer)
                return false;
            if (remote.Events.FindLocked(channel.RemotePort) is { } other)
            {
                other.State = EventChannelState.Unbound;
                other.RemoteDomain = _domain.Id;
                other.Peer = null;
            }
            CloseLocked(channel);
            return true;
        }
        finally
        {
            ExitBoth(_domain, remote);
        }
    }

    private bool Exists(VcpuId vcpu) => vcpu.Value < _domain.Vcpus.Length && _domain.Vcpus[vcpu.Value] is not null;

    /// <summary>Whether a virtual interrupt concerns the domain as a whole, or the machine, and not a vCPU.</summary>
    internal static bool IsGlobal(VirtualIrq virq) => virq is not (VirtualIrq.Timer or VirtualIrq.Debug or VirtualIrq.Xenoprof or VirtualIrq.XenPmu);

    private static void EnterBoth(Domain one, Domain other)
    {
        var (first, second) = one.Id.Value <= other.Id.Value ? (one, other) : (other, one);
        first.Events._lock.Enter();
        if (first != second)
            second.Events._lock.Enter();
    }

    private static void ExitBoth(Domain one, Domain other)
    {
        if (one != other)
            other.Events._lock.Exit();
        one.Events._lock.Exit();
    }
}
