namespace Pv.XenStore;

/// <summary>Sleeps until it is woken, where there are no sockets to wait for.</summary>
internal sealed class SignalWait : ILoopWait
{
    private readonly SemaphoreSlim _signal = new(0);

    public void Wait(bool sleep)
    {
        if (sleep)
            _signal.Wait();
    }

    public void Dispatch()
    {
    }

    public void Wake() => _signal.Release();

    public void Dispose()
    {
        // A late wake may still come; the semaphore without its wait handle holds nothing.
    }
}
