namespace Pv.Toolstack.Domains;

/// <summary>Lets one do something to a domain at a time; others wait for their turn.</summary>
/// <param name="isOpen">Whether anybody may enter from the first; else nobody does before <see cref="Open"/>.</param>
internal sealed class DomainTurn(bool isOpen)
{
    private readonly SemaphoreSlim _free = new(isOpen ? 1 : 0, 1);

    /// <summary>Lets others enter what was made closed. Once.</summary>
    public void Open() => _free.Release();

    /// <summary>Waits for a turn, which lasts until the result is disposed.</summary>
    /// <exception cref="OperationCanceledException">The wait was given up; there is no turn to end.</exception>
    public async Task<Held> EnterAsync(CancellationToken cancel = default)
    {
        await _free.WaitAsync(cancel);
        return new Held(_free);
    }

    /// <summary>A turn. Dispose of it once.</summary>
    public readonly struct Held(SemaphoreSlim free) : IDisposable
    {
        public void Dispose() => free.Release();
    }
}
