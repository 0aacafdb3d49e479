using System.Threading.Tasks.Sources;

namespace Pv.Guest;

/// <summary>
/// A latch that one waiter awaits: <see cref="Set"/> completes the wait, or the next one. Setting twice is setting once; nothing is lost.
/// </summary>
/// <remarks>
/// Any thread sets. The waiter goes on where it awaited: in its vCPU's turns for a C# guest, on the thread pool for Dom0.
/// A wait allocates nothing.
/// </remarks>
public sealed class EventSignal : IValueTaskSource<bool>
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _wait = new() { RunContinuationsAsynchronously = true };
    private bool _set, _closed, _waiting, _taken;

    /// <summary>Completes the waiter's wait with true, or the next one.</summary>
    public void Set()
    {
        lock (_lock)
        {
            if (_closed)
                return;
            if (!_waiting)
            {
                _set = true;
                return;
            }
            _waiting = false;
        }
        _wait.SetResult(true);
    }

    /// <summary>Completes the waiter's wait, and every later one, with false.</summary>
    public void Close()
    {
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            if (!_waiting)
                return;
            _waiting = false;
        }
        _wait.SetResult(false);
    }

    /// <summary>Waits for <see cref="Set"/>: true. False: closed. One waiter at a time.</summary>
    public ValueTask<bool> WaitAsync()
    {
        lock (_lock)
        {
            if (_taken)
                throw new InvalidOperationException("A signal has one waiter at a time.");
            if (_set)
            {
                _set = false;
                return new ValueTask<bool>(true);
            }
            if (_closed)
                return new ValueTask<bool>(false);
            _waiting = _taken = true;
            _wait.Reset();
            return new ValueTask<bool>(this, _wait.Version);
        }
    }

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        var result = _wait.GetResult(token);
        lock (_lock)
            _taken = false;
        return result;
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        // Whoever makes a task of the wait asks for no context; in a turn even that must come back to the turns.
        if (SynchronizationContext.Current is TurnQueue)
            flags |= ValueTaskSourceOnCompletedFlags.UseSchedulingContext;
        _wait.OnCompleted(continuation, state, token, flags);
    }
}
