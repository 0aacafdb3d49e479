namespace Pv.XenStore;

/// <summary>A piece of work that somebody waits for.</summary>
internal sealed class StoreAction(Action action) : IStoreWork
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Done => _done.Task;

    public void Run()
    {
        try
        {
            action();
            _done.SetResult();
        }
        catch (Exception exception)
        {
            _done.SetException(exception);
        }
    }

    public void Cancel() => _done.SetCanceled();
}
