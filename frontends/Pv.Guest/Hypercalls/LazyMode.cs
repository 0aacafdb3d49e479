namespace Pv.Guest;

/// <summary>The time in which <see cref="LazyCalls"/> are gathered. Scopes nest; the end of the outermost makes what was gathered.</summary>
/// <remarks>
/// No scope can hold across an <c>await</c>, and upcalls are delivered between turns: what Linux has to look for, whether it is in an interrupt
/// while a batch is open, cannot be here.
/// </remarks>
public readonly ref struct LazyMode
{
    private readonly LazyCalls _calls;

    internal LazyMode(LazyCalls calls)
    {
        _calls = calls;
    }

    /// <summary>Leaves lazy mode.</summary>
    /// <exception cref="HypercallException">A call of the scope failed, and nobody else was told (see <see cref="LazyCalls.Failed"/>).</exception>
    public void Dispose() => _calls.Leave();
}
