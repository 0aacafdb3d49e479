using Pv.Hypervisor.Stepping;

namespace Pv.Hypervisor.Time;

/// <summary>The machine's timers: one heap, served by one thread that sleeps until the next deadline.</summary>
/// <remarks>Xen has a heap a pCPU; here the pCPUs are threads that run guest code, so somebody else must interrupt them.</remarks>
public sealed class Timekeeper : IDisposable
{
    private const int MostVoid = 64;

    private readonly IClock _clock;
    private readonly CoreLock _lock;
    private readonly PriorityQueue<(CoreTimer Timer, ulong Generation), ulong> _heap = new();
    // Slices end early all the time: what puts the heap in order again allocates nothing.
    private readonly List<((CoreTimer Timer, ulong Generation) Entry, ulong Deadline)> _kept = [];
    private readonly CoreSignal _changed;
    private readonly CoreThread? _thread;
    private ulong _sleepingUntil;
    private int _void;
    private volatile bool _stopping;

    /// <param name="clock">System time.</param>
    /// <param name="manual">Without a thread: whoever moves the clock calls <see cref="FireExpired"/>.</param>
    /// <param name="stepper">Steps the machine, in deterministic mode.</param>
    public Timekeeper(IClock clock, bool manual = false, Stepper? stepper = null)
    {
        _clock = clock;
        _lock = new CoreLock(stepper, "timers");
        _changed = new CoreSignal(stepper);
        if (manual)
            return;
        _thread = new CoreThread(stepper, "timekeeper", Serve);
        _thread.Start();
    }

    /// <summary>How many entries the heap has, void ones too.</summary>
    internal int Length
    {
        get
        {
            using (_lock.Hold())
                return _heap.Count;
        }
    }

    /// <summary>Called with what a timer's action threw; the timekeeper goes on.</summary>
    public event Action<Exception>? Failed;

    internal void Arm(CoreTimer timer, ulong deadline)
    {
        bool earlier;
        using (_lock.Hold())
        {
            // A timer that is set again leaves a void entry behind, and a guest may set one as often as it likes.
            if (timer.Armed)
                _void++;
            timer.Armed = true;
            _heap.Enqueue((timer, ++timer.Generation), deadline);
            if (_void > MostVoid && _void > _heap.Count / 2)
                DropVoid();
            earlier = deadline < _sleepingUntil;
        }
        if (earlier)
            _changed.Set();
    }

    internal void Disarm(CoreTimer timer)
    {
        using (_lock.Hold())
        {
            if (timer.Armed)
                _void++;
            timer.Armed = false;
            timer.Generation++;
        }
    }

    public void Dispose()
    {
        _stopping = true;
        _changed.Set();
        _thread?.Join();
    }

    /// <summary>Fires every timer whose time has come, on the calling thread, in the order of their deadlines.</summary>
    internal void FireExpired()
    {
        while (TakeExpired(out var timer, out _))
            Fire(timer!);
    }

    /// <summary>The earliest deadline that is set; null when there is none.</summary>
    internal ulong? NextDeadline
    {
        get
        {
            using (_lock.Hold())
            {
                while (_heap.TryPeek(out var entry, out var deadline))
                {
                    if (!IsVoid(entry))
                        return deadline;
                    _heap.Dequeue();
                    _void--;
                }
                return null;
            }
        }
    }

    private void Serve()
    {
        while (!_stopping)
        {
            if (TakeExpired(out var timer, out var wait))
                Fire(timer!);
            else
                _changed.Wait(wait, soon: false);
        }
    }

    private bool TakeExpired(out CoreTimer? timer, out long wait)
    {
        using (_lock.Hold())
        {
            while (_heap.TryPeek(out var entry, out var deadline))
            {
                if (IsVoid(entry))
                {
                    _heap.Dequeue();
                    _void--;
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

    private static bool IsVoid((CoreTimer Timer, ulong Generation) entry)
        => !entry.Timer.Armed || entry.Generation != entry.Timer.Generation;

    private void DropVoid()
    {
        foreach (var item in _heap.UnorderedItems)
        {
            if (!IsVoid(item.Element))
                _kept.Add(item);
        }
        _heap.Clear();
        foreach (var (entry, deadline) in _kept)
            _heap.Enqueue(entry, deadline);
        _kept.Clear();
        _void = 0;
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
