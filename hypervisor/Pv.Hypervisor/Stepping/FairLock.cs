using Pv.Machine;

namespace Pv.Hypervisor.Stepping;

/// <summary>
/// A lock that goes to those who want it in the order in which they came: who gives it back and takes it again, as a long call does between its
/// stretches, comes after all that wait. In deterministic mode the seed decides.
/// </summary>
/// <remarks>Not to be taken again by who holds it.</remarks>
internal sealed class FairLock(Stepper? stepper, string name)
{
    private readonly SteppedLock? _stepped = stepper is null ? null : new SteppedLock(stepper, name);
    private readonly Lock _lock = new();
    private readonly Queue<HostSignal> _waiting = new();
    private bool _isHeld;

    [ThreadStatic]
    private static HostSignal? _turn;

    /// <summary>How many wait for it.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
                return _waiting.Count;
        }
    }

    public Scope Hold()
    {
        if (_stepped is not null)
            _stepped.Enter();
        else if (!TryTake(out var turn))
            turn!.Wait();
        return new Scope(this);
    }

    private bool TryTake(out HostSignal? turn)
    {
        lock (_lock)
        {
            turn = null;
            if (!_isHeld)
                return _isHeld = true;
            turn = _turn ??= new HostSignal();
            _waiting.Enqueue(turn);
            return false;
        }
    }

    private void Exit()
    {
        if (_stepped is not null)
        {
            _stepped.Exit();
            return;
        }
        HostSignal? next;
        lock (_lock)
        {
            // It stays held, by the next one.
            if (!_waiting.TryDequeue(out next))
                _isHeld = false;
        }
        next?.Set();
    }

    public readonly ref struct Scope(FairLock of)
    {
        public void Dispose() => of.Exit();
    }
}
