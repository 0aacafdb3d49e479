namespace Pv.XenStore;

/// <summary>
/// A loop without a thread: work is done in the call that queues it, or, when that is part of other work, behind that. For a Dom0 that is one
/// thread, so that what the daemon does comes at the same place in every run.
/// </summary>
/// <remarks>One thread.</remarks>
internal sealed class InlineLoop(Action<string> log) : IStoreLoop
{
    private readonly Queue<IStoreWork> _work = new();
    private bool _isAtWork, _hasEnded;

    public long Looks { get; private set; }

    public bool Schedule(IStoreWork work)
    {
        if (_hasEnded)
            return false;
        _work.Enqueue(work);
        if (_isAtWork)
            return true;
        _isAtWork = true;
        while (_work.TryDequeue(out var next))
            Do(next);
        _isAtWork = false;
        Looks++;
        return true;
    }

    public bool TryEnd(out Task ended)
    {
        ended = Task.CompletedTask;
        return !Interlocked.Exchange(ref _hasEnded, true);
    }

    private void Do(IStoreWork work)
    {
        try
        {
            work.Run();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            log($"xenstored: {exception}");
        }
    }
}
