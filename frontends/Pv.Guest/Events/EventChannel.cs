using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// A port of the domain, from its binding to its closing. What arrives goes to <see cref="Handler"/> if there is one, else it completes
/// <see cref="WaitAsync"/>.
/// </summary>
public sealed class EventChannel : IDisposable
{
    private readonly EventChannels _owner;
    private readonly EventSignal _signal = new();
    private Action? _handler;
    private bool _closed;

    internal EventChannel(EventChannels owner, EventPort port, Action? handler)
    {
        _owner = owner;
        _handler = handler;
        Port = port;
    }

    public EventPort Port { get; }

    /// <summary>
    /// Called at each event, in the upcall: it must not wait, and whatever it throws crashes a guest and is Dom0's loss of that one event.
    /// </summary>
    public Action? Handler
    {
        get => Volatile.Read(ref _handler);
        set => Volatile.Write(ref _handler, value);
    }

    /// <summary>
    /// The handler does no more than wake a thread. Dom0's are called at once then, by whoever notified and inside the hypervisor, so that an
    /// event takes no way over the thread pool: such a handler makes no hypercall and takes no lock that is held across one.
    /// </summary>
    public bool OnlySignals { get; init; }

    /// <summary>Called once when the channel is closed, for what waits on <see cref="Handler"/>.</summary>
    internal Action? Closed { get; set; }

    /// <summary>
    /// Waits for the next event, or takes the one that came since the last wait: true. False: the channel was closed.
    /// One waiter at a time.
    /// </summary>
    public ValueTask<bool> WaitAsync() => _signal.WaitAsync();

    /// <summary>Notifies the other end. The error says why that was impossible; a peer that is gone is no error.</summary>
    public Errno Notify() => _owner.Hypercalls.Send(Port);

    /// <summary>Holds events back; they stay pending.</summary>
    public void Mask() => _owner.Mask(Port);

    /// <summary>Lets events through, and has one delivered that is pending.</summary>
    public void Unmask() => _owner.Unmask(Port);

    /// <summary>Closes the port; waits end with false.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, true))
            return;
        _owner.Close(this);
        _signal.Close();
        Closed?.Invoke();
    }

    internal void Deliver()
    {
        if (Handler is { } handler)
            handler();
        else
            _signal.Set();
    }
}
