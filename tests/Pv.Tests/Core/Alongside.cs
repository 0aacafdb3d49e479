namespace Pv.Tests.Core;

/// <summary>
/// Something that another thread does over and over beside a test, until this is disposed of: also when the test fails amid it, since what it works
/// on is gone then.
/// </summary>
internal sealed class Alongside : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;

    /// <param name="step">What is done; it may not throw.</param>
    public Alongside(Action step)
    {
        _work = Task.Run(() =>
        {
            while (!_stop.IsCancellationRequested)
                step();
        });
    }

    public void Dispose()
    {
        _stop.Cancel();
        _work.Wait();
        _stop.Dispose();
    }
}
