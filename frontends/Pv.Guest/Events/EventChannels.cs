using System.Numerics;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// The domain's end of the 2-level event ABI (<c>public/event_channel.h</c>): binds ports, and delivers what is pending to the channel
/// that owns the port.
/// </summary>
/// <remarks>
/// A kernel masks every port when it starts; binding a channel unmasks its own. An event that came before is delivered then, so none is lost.
/// Bind and close from any thread for Dom0. <see cref="Deliver"/> runs in one place at a time: the vCPU's turns, or Dom0's upcall loop.
/// </remarks>
public sealed class EventChannels
{
    private readonly SharedInfoPage _shared;
    private readonly Action<EventChannel, Exception>? _handlerFailed;
    private readonly Lock _lock = new();
    private EventChannel?[] _channels = new EventChannel?[SharedInfoPage.PortsPerWord];

    /// <param name="hypercalls">The domain's calls.</param>
    /// <param name="shared">Its shared page. Every port is masked.</param>
    /// <param name="handlerFailed">Told when a handler throws; without it the exception comes out of <see cref="Deliver"/>.</param>
    internal EventChannels(Hypercalls hypercalls, SharedInfoPage shared, Action<EventChannel, Exception>? handlerFailed = null)
    {
        _handlerFailed = handlerFailed;
        Hypercalls = hypercalls;
        _shared = shared;
        _shared.MaskAll();
    }

    internal Hypercalls Hypercalls { get; }

    /// <summary>Makes a port to which <paramref name="remote"/> may bind.</summary>
    /// <exception cref="HypercallException">The hypervisor refused.</exception>
    public EventChannel AllocUnbound(DomId remote, Action? handler = null)
    {
        Hypercalls.AllocUnbound(DomId.Self, remote, out var port).OrThrow("EVTCHNOP_alloc_unbound");
        return Adopt(port, handler);
    }

    /// <summary>Binds to a port that the remote domain left unbound for this one.</summary>
    /// <param name="remote">The domain.</param>
    /// <param name="remotePort">Its port.</param>
    /// <param name="handler">Called at each event.</param>
    /// <param name="onlySignals">See <see cref="EventChannel.OnlySignals"/>.</param>
    /// <exception cref="HypercallException">The hypervisor refused.</exception>
    public EventChannel BindInterdomain(DomId remote, EventPort remotePort, Action? handler = null, bool onlySignals = false)
    {
        Hypercalls.BindInterdomain(remote, remotePort, out var port).OrThrow("EVTCHNOP_bind_interdomain");
        return Adopt(port, handler, onlySignals);
    }

    /// <exception cref="HypercallException">The hypervisor refused.</exception>
    public EventChannel BindVirq(VirtualIrq virq, Action? handler = null)
    {
        Hypercalls.BindVirq(virq, new VcpuId(0), out var port).OrThrow("EVTCHNOP_bind_virq");
        return Adopt(port, handler);
    }

    /// <exception cref="HypercallException">The hypervisor refused.</exception>
    public EventChannel BindIpi(Action? handler = null)
    {
        Hypercalls.BindIpi(new VcpuId(0), out var port).OrThrow("EVTCHNOP_bind_ipi");
        return Adopt(port, handler);
    }

    /// <summary>Takes over a port that is bound already, as the toolstack leaves those of the console and of xenstore.</summary>
    public EventChannel Adopt(EventPort port, Action? handler = null, bool onlySignals = false)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(port.Value, (uint)TwoLevelEvents.ChannelCount, nameof(port));
        var channel = new EventChannel(this, port, handler) { OnlySignals = onlySignals };
        lock (_lock)
        {
            if (_channels.Length <= port.Value)
                Array.Resize(ref _channels, (int)BitOperations.RoundUpToPowerOf2(port.Value + 1));
            Volatile.Write(ref _channels[port.Value], channel);
        }
        Unmask(port);
        return channel;
    }

    /// <summary>Delivers everything that is pending and not masked. What arrives meanwhile leaves the upcall pending again.</summary>
    public void Deliver()
    {
        _shared.UpcallPending = false;
        var selector = _shared.TakeSelector();
        while (selector != 0)
        {
            var word = BitOperations.TrailingZeroCount(selector);
            selector &= selector - 1;
            DeliverWord(word, onlySignals: false);
        }
    }

    /// <summary>As <see cref="Deliver"/>, but only to channels that <see cref="EventChannel.OnlySignals"/>. False: others are pending.</summary>
    internal bool DeliverSignals()
    {
        _shared.UpcallPending = false;
        var left = 0UL;
        for (var selector = _shared.TakeSelector(); selector != 0; selector &= selector - 1)
        {
            var word = BitOperations.TrailingZeroCount(selector);
            if (!DeliverWord(word, onlySignals: true))
                left |= 1UL << word;
        }
        if (left == 0)
            return true;
        _shared.Select(left);
        _shared.UpcallPending = true;
        return false;
    }

    internal void Mask(EventPort port) => _shared.SetMask(port);

    internal void Unmask(EventPort port)
    {
        // An event that came while the mask was set selected no word: only the hypervisor can deliver it without a race.
        if (_shared.IsPending(port))
        {
            _shared.SetMask(port);
            Hypercalls.Unmask(port).OrThrow("EVTCHNOP_unmask");
            return;
        }
        _shared.ClearMask(port);
        Machine.SharedPage.FullFence();
        // One that came between the look and the clearing may have seen the mask still set.
        if (!_shared.IsPending(port))
            return;
        _shared.SetMask(port);
        Hypercalls.Unmask(port).OrThrow("EVTCHNOP_unmask");
    }

    internal void Close(EventChannel channel)
    {
        var port = channel.Port;
        lock (_lock)
        {
            if (port.Value >= _channels.Length || _channels[port.Value] != channel)
                return;
            _shared.SetMask(port);
            _channels[port.Value] = null;
            _shared.ClearPending(port);
            // Refused only when the domain is being torn down: the port is gone then, too. Under the lock, so that nobody
            // who is given the same port again is masked by this.
            Hypercalls.Close(port);
        }
    }

    /// <summary>Delivers a word's events; false: some were left, since their channels do more than signal.</summary>
    private bool DeliverWord(int word, bool onlySignals)
    {
        ulong ports, left = 0;
        while ((ports = _shared.Deliverable(word) & ~left) != 0)
        {
            var bit = BitOperations.TrailingZeroCount(ports);
            var port = new EventPort((uint)((word * SharedInfoPage.PortsPerWord) + bit));
            if (onlySignals && ChannelOf(port) is not { OnlySignals: true })
            {
                left |= 1UL << bit;
                continue;
            }
            _shared.ClearPending(port);
            // Whoever has the port now gets what came before the clearing. It may have been closed since the look above, and bound anew: what is not
            // for this round waits then, for a spurious event does no harm.
            if (ChannelOf(port) is not { } owner || (onlySignals && !owner.OnlySignals))
            {
                _shared.SetPending(port);
                left |= 1UL << bit;
                continue;
            }
            DeliverTo(owner);
        }
        return left == 0;
    }

    private EventChannel? ChannelOf(EventPort port)
    {
        var channels = Volatile.Read(ref _channels);
        return port.Value < channels.Length ? Volatile.Read(ref channels[port.Value]) : null;
    }

    private void DeliverTo(EventChannel channel)
    {
        try
        {
            channel.Deliver();
        }
        catch (Exception failure) when (_handlerFailed is not null)
        {
            _handlerFailed(channel, failure);
        }
    }
}
