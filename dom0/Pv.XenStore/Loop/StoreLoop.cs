using System.Threading.Channels;

namespace Pv.XenStore;

/// <summary>
/// The daemon's one thread: runs the work that others queue, and gives sockets that are ready their turns. It sleeps when there is neither.
/// </summary>
internal sealed class StoreLoop : IStoreLoop
{
    /// <summary>Pieces of work between two looks at the sockets.</summary>
    private const int WorkPerLook = 256;

    private readonly Channel<IStoreWork> _work = Channel.CreateUnbounded<IStoreWork>(new() { SingleReader = true });
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILoopWait _wait;
    private readonly Action<string> _log;
    private int _isSleeping;
    private long _looks;

    public StoreLoop(ILoopWait wait, Action<string> log)
    {
        (_wait, _log) = (wait, log);
    }

    public long Looks => Volatile.Read(ref _looks);

    public void Start() => new Thread(Run) { IsBackground = true, Name = "xenstored" }.Start();

    public bool Schedule(IStoreWork work)
    {
        if (!_work.Writer.TryWrite(work))
            return false;
        WakeSleeper();
        return true;
    }

    public bool TryEnd(out Task ended)
    {
        ended = _ended.Task;
        var isFirst = _work.Writer.TryComplete();
        WakeSleeper();
        return isFirst;
    }

    private void Run()
    {
        while (true)
        {
            for (var i = 0; i < WorkPerLook && _work.Reader.TryRead(out var work); i++)
                Do(work.Run);
            if (_work.Reader.Completion.IsCompleted)
                break;
            var sleep = false;
            if (!_work.Reader.TryPeek(out _))
            {
                // Said first, then looked once more: whoever queues after this look sees that we sleep.
                Interlocked.Exchange(ref _isSleeping, 1);
                sleep = !_work.Reader.TryPeek(out _) && !_work.Reader.Completion.IsCompleted;
            }
            Volatile.Write(ref _looks, _looks + 1);
            _wait.Wait(sleep);
            Volatile.Write(ref _isSleeping, 0);
            Do(_wait.Dispatch);
        }
        _wait.Dispose();
        _ended.SetResult();
    }

    private void WakeSleeper()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isSleeping) != 0 && Interlocked.Exchange(ref _isSleeping, 0) != 0)
            _wait.Wake();
    }

    private void Do(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception)
        {
            // Each kind of work answers for its own failures; this one belongs to none of the clients.
            _log($"xenstored: {exception}");
        }
    }
}
