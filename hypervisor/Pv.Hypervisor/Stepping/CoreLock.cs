namespace Pv.Hypervisor.Stepping;

/// <summary>
/// A lock of the core: <c>using (x.Hold())</c>. In deterministic mode the turn may change before it is taken and after it is given back.
/// A value, so that <c>lock (x)</c> does not compile, which would take another lock. Made by its constructor only.
/// </summary>
internal readonly struct CoreLock
{
    private readonly Lock _lock = new();
    private readonly SteppedLock? _stepped;

    /// <param name="stepper">The machine's, if it has one.</param>
    /// <param name="name">What is locked, for the report of a deadlock.</param>
    public CoreLock(Stepper? stepper, string name)
    {
        _stepped = stepper is null ? null : new SteppedLock(stepper, name);
    }

    public bool IsHeldByCurrentThread => _stepped?.IsHeld ?? _lock.IsHeldByCurrentThread;

    public Scope Hold()
    {
        if (_stepped is null)
            return new Scope(_lock.EnterScope());
        _stepped.Enter();
        return new Scope(_stepped);
    }

    /// <summary>Where a scope does not do: ended by <see cref="Exit"/>.</summary>
    public void Enter()
    {
        if (_stepped is null)
            _lock.Enter();
        else
            _stepped.Enter();
    }

    public void Exit()
    {
        if (_stepped is null)
            _lock.Exit();
        else
            _stepped.Exit();
    }

    /// <summary>A place inside at which, in deterministic mode, others may run: those that do not take the lock.</summary>
    public void Point() => _stepped?.Point();

    public ref struct Scope
    {
        private readonly SteppedLock? _stepped;
        private Lock.Scope _scope;

        internal Scope(Lock.Scope scope) => _scope = scope;

        internal Scope(SteppedLock stepped) => _stepped = stepped;

        public void Dispose()
        {
            if (_stepped is null)
                _scope.Dispose();
            else
                _stepped.Exit();
        }
    }
}
