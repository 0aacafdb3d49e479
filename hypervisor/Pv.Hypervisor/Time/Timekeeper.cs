using Pv.Machine;

namespace Pv.Hypervisor.Time;

/// <summary>The machine's timers: one heap, served by one thread that sleeps until the next deadline.</summary>
/// <remarks>Xen has a heap a pCPU; here the pCPUs are threads that run guest code, so somebody else must interrupt them.</remarks>
public sealed class Timekeeper : IDisposable
{
    private readonly IClock _clock;
    private readonly Lock _lock = new();
    private readonly PriorityQueue<(CoreTimer Timer, ulong Generation), ulong> _heap = new();
    private readonly HostSignal _changed = new();
    private readonly Thread _thread;
    private ulong _sleepingUntil;
    private volatile bool _stopping;

    public Timekeeper(IClock clock)
    {
        _clock = clock;
        _thread = new Thread(Serve) { IsBackground = true, Name = "timekeeper" };
        _thread.Start();
    }

    /// <summary>Called with what a timer's action threw; the timekeeper goes on.</summary>
    public event Action<Exception>? Failed;

    internal void Arm(CoreTimer timer, ulong deadline)
    {
        bool earlier;
        lock (_lock)
        {
            timer.Armed = true;
            _heap.Enqueue((timer, ++timer.Generation), deadline);
            earlier = deadline < _sleepingUntil;
        }
        if (earlier)
            _changed.Set();
    }

    internal void Disarm(CoreTimer timer)
    {
        lock (_lock)
        {
            timer.Armed = false;
            timer.Generation++;
        }
    }

    public void Dispose()
    {
        _stopping = true;
        _changed.Set();
        _thread.Join();
        _changed.Dispose();
    }

    private void Serve()
    {
        while (!_stopping)
        {
            if (TakeExpired(out var timer, out var wait))
                Fire(timer!);
            else
                _changed.Wait(wait);
        }
    }

    private bool TakeExpired(out CoreTimer? timer, out long wait)
    {
        lock (_lock)
        {
            while (_heap.TryPeek(out var entry, out var deadline))
            {
                if (!entry.Timer.Armed || entry.Generation != entry.Timer.Generation)
                {
                    _heap.Dequeue();
                    continue;
                }
                var now = _clock.Now;
                if (deadline > now)
                {
                    _sleepingUntil = deadline;
                    (timer, wait) = (null, (long)Math.Min(deadline - now, long.MaxValue));
                    return false;
                }
                _heap.Dequeue();
                entry.Timer.Armed = false;
                (timer, wait) = (entry.Timer, 0);
                return true;
            }
            _sleepingUntil = ulong.MaxValue;
            (timer, wait) = (null, -1);
            return false;
        }
    }

    private void Fire(CoreTimer timer)
    {
        try
        {
            timer.Expired();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            Failed?.Invoke(failure);
        }
    }
}
