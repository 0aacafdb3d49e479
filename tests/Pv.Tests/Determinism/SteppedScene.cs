using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Stepping;
using Pv.Tests.Core;

namespace Pv.Tests.Determinism;

/// <summary>
/// A machine in deterministic mode on which a test plays the vCPUs of some guests, each on a thread of its own, and what must hold when all
/// of them are through.
/// </summary>
internal sealed class SteppedScene : IDisposable
{
    private const ulong Patience = 1_000_000_000;
    private const uint MostPorts = 64;

    private readonly Stepper _stepper;
    private readonly TraceLog _trace;
    private readonly List<TestGuest> _guests = [];
    private int _playing;

    public SteppedScene(Stepper stepper, TraceLog trace)
    {
        (_stepper, _trace) = (stepper, trace);
        Machine = new TestMachine(700, stepper: stepper);
        Model = new FrameModel(Machine.Core);
    }

    public TestMachine Machine { get; }

    public FrameModel Model { get; }

    public TestGuest AddGuest(int frames = 4)
    {
        var guest = new TestGuest(Machine, frames, asynchronous: true);
        _trace.TryFollow(Machine.Core, guest.Domain.Id);
        _guests.Add(guest);
        return guest;
    }

    /// <summary>Something that a vCPU, or Dom0, does beside the others.</summary>
    public void Play(string name, Action acts)
    {
        _playing++;
        _stepper.Start(name, () =>
        {
            acts();
            _playing--;
        });
    }

    /// <summary>Waits for all who play, holds the frame table against the model, and ends the guests. What is wrong, or null.</summary>
    /// <param name="settle">Tells the model what only the end tells.</param>
    public string? Finish(Action? settle = null)
    {
        if (!_stepper.Run(() => _playing == 0, Patience))
            return $"not all come to their end: {string.Join("; ", _stepper.Blocked)}";
        if (Machine.Core.Log.Read(clear: false).Contains("crashed", StringComparison.Ordinal))
            return Machine.Core.Log.Read(clear: false);
        FollowPins();
        settle?.Invoke();
        if ((Model.Compare() ?? CompareEnds()) is { } wrong)
            return wrong;
        foreach (var guest in _guests)
        {
            if (guest.Domain.Life == DomainLife.Alive)
                Machine.Destroy(guest.Domain);
        }
        if (Machine.Core.Domains.Snapshot().Count != 1)
            return "a domain is left";
        if (Machine.Core.FreeFrames != Machine.FreeAtStart)
            return $"{Machine.Core.FreeFrames} frames are free, and {Machine.FreeAtStart} were";
        foreach (var frame in _guests.SelectMany(guest => guest.Frames))
        {
            if (Machine.Core.Memory.Frame(frame).ContainsAnyExcept((byte)0))
                return $"{frame} is free, and was written since";
        }
        return null;
    }

    public void Dispose() => Machine.Dispose();

    /// <summary>Every end of a channel between domains is the other end of its other end.</summary>
    private string? CompareEnds()
    {
        foreach (var guest in _guests.Where(guest => guest.Domain.Life == DomainLife.Alive))
        {
            for (var port = 1u; port < MostPorts; port++)
            {
                if (StatusOf(guest.Domain, new EventPort(port)) is not { State: EventChannelState.Interdomain } here)
                    continue;
                var there = Machine.Core.Domains.Find(here.RemoteDomain) is { } remote ? StatusOf(remote, here.RemotePort) : null;
                if (there is not { State: EventChannelState.Interdomain } other || other.RemoteDomain != guest.Domain.Id || other.RemotePort.Value != port)
                    return $"port {port} of {guest.Domain.Id} is bound to {here.RemotePort} of {here.RemoteDomain}, which is {there?.State}";
            }
        }
        return null;
    }

    private static EventChannelStatus? StatusOf(Domain domain, EventPort port)
    {
        var status = default(EventChannelStatus);
        return domain.Events.GetStatus(port, ref status) == Errno.None ? status : null;
    }

    /// <summary>Who pins beside others is told only in the end who of them did.</summary>
    private void FollowPins()
    {
        Model.Pins.Clear();
        foreach (var frame in _guests.SelectMany(guest => guest.Frames).Where(Machine.Core.PageTypes.IsPinned))
            Model.Pins.Add(frame);
    }
}
