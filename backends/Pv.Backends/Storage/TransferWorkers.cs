using Pv.Machine;

namespace Pv.Backends.Storage;

/// <summary>
/// Threads that do transfers which may wait for a medium: made when there is more to do than threads to do it, gone when they were
/// idle for a while. Those of one storage are its own, so a slow disk delays nobody else's.
/// </summary>
internal sealed class TransferWorkers(string name, Action<BlockTransfer> execute, int maximum = 16) : IDisposable
{
    private const long IdleNanoseconds = 10_000_000_000;

    private readonly Lock _lock = new();
    private readonly Stack<Worker> _idle = new();
    private TransferQueue _queue;
    private int _count;
    private bool _isEnding;

    /// <summary>Whether anything waits or is being done.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_lock)
                return _count > _idle.Count;
        }
    }

    public void Post(BlockTransfer transfer)
    {
        Worker? sleeper;
        lock (_lock)
        {
            _queue.Enqueue(transfer);
            if (!_idle.TryPop(out sleeper))
            {
                if (_count == maximum)
                    return;
                _count++;
            }
        }
        if (sleeper is not null)
            sleeper.Wake.Set();
        else
            new Thread(Run) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>Lets the threads go. Nothing is posted after this.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isEnding = true;
            // Under the lock, which a thread needs before it can go: its signal goes with it.
            while (_idle.TryPop(out var sleeper))
                sleeper.Wake.Set();
        }
    }

    private void Run()
    {
        using var worker = new Worker();
        while (TryNext(worker, out var transfer))
            execute(transfer);
    }

    private bool TryNext(Worker worker, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BlockTransfer? transfer)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_queue.TryDequeue(out transfer))
                    return true;
                if (_isEnding)
                    return false;
                _idle.Push(worker);
            }
            while (!worker.Wake.Wait(IdleNanoseconds))
            {
                if (TryLeave(worker))
                    return false;
            }
        }
    }

    /// <summary>Leaves, unless somebody has just taken this worker off the idle ones: its wake-up is coming then.</summary>
    private bool TryLeave(Worker worker)
    {
        lock (_lock)
        {
            if (!_idle.Contains(worker))
                return false;
            var others = _idle.Where(idle => idle != worker).Reverse().ToArray();
            _idle.Clear();
            foreach (var other in others)
                _idle.Push(other);
            _count--;
            return true;
        }
    }

    private sealed class Worker : IDisposable
    {
        public HostSignal Wake { get; } = new();

        public void Dispose() => Wake.Dispose();
    }
}
