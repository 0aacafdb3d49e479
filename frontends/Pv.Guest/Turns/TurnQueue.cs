using System.Diagnostics.CodeAnalysis;

namespace Pv.Guest;

/// <summary>
/// The turns of a C# guest's vCPU: continuations that wait for their chance, first come, first served. It is the synchronization context
/// of everything that runs in a turn, so an <c>await</c> of any task comes back here.
/// </summary>
/// <remarks>
/// Only a turn may add to it. A continuation that another thread brings (the end of a <c>Task.Run</c>, a host timer) is not run:
/// the domain crashes, since its code would depend on threads and clocks that are not its own.
/// </remarks>
public sealed class TurnQueue : SynchronizationContext
{
    [ThreadStatic]
    private static TurnQueue? s_current;

    private readonly Queue<Turn> _turns = new();
    private readonly Action<string> _crash;

    /// <param name="crash">Crashes the domain; called from any thread.</param>
    public TurnQueue(Action<string> crash)
    {
        _crash = crash;
    }

    /// <summary>Whether the calling thread runs one of this queue's turns.</summary>
    public bool IsCurrent => s_current == this;

    public bool IsEmpty => _turns.Count == 0;

    /// <summary>Makes the calling thread the one that runs the turns, until the scope ends.</summary>
    internal TurnScope Enter() => new(this);

    /// <summary>Runs the first turn. False: there is none.</summary>
    internal bool TryRunOne()
    {
        if (!_turns.TryDequeue(out var turn))
            return false;
        turn.Callback(turn.State);
        return true;
    }

    /// <summary>Adds a turn; crashes the domain when the caller does not run in one.</summary>
    public override void Post(SendOrPostCallback callback, object? state)
    {
        if (IsCurrent)
            _turns.Enqueue(new Turn(callback, state));
        else
            _crash(Stray(callback, state));
    }

    /// <summary>Runs the callback at once when the caller is in a turn; from elsewhere it crashes the domain.</summary>
    public override void Send(SendOrPostCallback callback, object? state)
    {
        if (!IsCurrent)
            RefuseForeignThread("a callback");
        callback(state);
    }

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Throws, and crashes the domain, unless the calling thread runs one of this queue's turns.</summary>
    /// <exception cref="TurnException">It does not.</exception>
    internal void Demand(string what)
    {
        if (!IsCurrent)
            RefuseForeignThread(what);
    }

    [DoesNotReturn]
    private void RefuseForeignThread(string what)
    {
        var reason = $"{what} on thread {Environment.CurrentManagedThreadId}, which does not run this guest's turns";
        _crash(reason);
        throw new TurnException(reason);
    }

    private static string Stray(SendOrPostCallback callback, object? state)
    {
        var who = (state as Delegate)?.Target ?? state ?? callback.Target;
        var type = who?.GetType();
        // The box of an async method names the method's state machine as its last type argument.
        var method = type is { IsGenericType: true } ? type.GetGenericArguments()[^1] : type;
        return $"a continuation ({method?.FullName ?? callback.Method.Name}) came from a thread that does not run this guest's turns: "
            + "a guest awaits only what Pv.Guest gives it";
    }

    private readonly record struct Turn(SendOrPostCallback Callback, object? State);

    /// <summary>The time in which a thread runs turns.</summary>
    internal readonly ref struct TurnScope
    {
        private readonly SynchronizationContext? _contextBefore;
        private readonly TurnQueue? _queueBefore;

        public TurnScope(TurnQueue queue)
        {
            _contextBefore = Current;
            _queueBefore = s_current;
            s_current = queue;
            SetSynchronizationContext(queue);
        }

        public void Dispose()
        {
            s_current = _queueBefore;
            SetSynchronizationContext(_contextBefore);
        }
    }
}
