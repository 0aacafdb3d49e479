using Pv.Hypervisor;
using Pv.Hypervisor.Domains;

namespace Pv.Benchmarks.Core;

/// <summary>
/// What happens between two looks of a vCPU at whether its pCPU is wanted: how long it is, in time that the pCPU's thread had a processor; and how many
/// such stretches end from the moment when another vCPU was woken until the one that runs has made way for it. The second is a count, on which
/// the host has no influence. Where the scheduler's own order lets the running one go on for a while, nothing is counted but that.
/// </summary>
internal sealed class Stretches(HypervisorCore core, Vcpu waiter)
{
    private const int Most = 1 << 20, MostWaited = 16;

    private readonly double[] _times = new double[Most];
    private readonly int[] _waited = new int[MostWaited + 1];
    private int _count, _letOn;

    [ThreadStatic]
    private static Vcpu? _last;

    [ThreadStatic]
    private static long _begin;

    [ThreadStatic]
    private static int _ended;

    [ThreadStatic]
    private static bool _isLetOn;

    [ThreadStatic]
    private static ulong _waiterRan;

    /// <summary>Looks with a chooser's eyes, and counts.</summary>
    public Func<Vcpu, bool> Around(Func<Vcpu, bool> chooser) => vcpu =>
    {
        var now = ThreadClock.Now;
        if (_last == vcpu && Interlocked.Increment(ref _count) is var at && at <= Most)
            _times[at - 1] = now - _begin;
        var isAwaited = waiter.Unit.Queued;
        // A wake-up is whole when the run queue's lock can be had.
        if (isAwaited)
            _ = core.Scheduler.IsRunning(waiter);
        var isWanted = chooser(vcpu);
        if (waiter.Unit.RunningSince is var ran && ran != _waiterRan)
            NoteWayMade(ran);
        if (isAwaited && isWanted)
            _ended++;
        else if (isAwaited)
            _isLetOn = true;
        (_last, _begin) = (isWanted ? null : vcpu, ThreadClock.Now);
        return isWanted;
    };

    public void Clear()
    {
        Volatile.Write(ref _count, 0);
        Volatile.Write(ref _letOn, 0);
        Array.Clear(_waited);
    }

    /// <summary>How often the scheduler let the running vCPU go on although the other was woken.</summary>
    public int LetOn => Volatile.Read(ref _letOn);

    /// <summary>Nanoseconds of each stretch.</summary>
    public double[] Times() => _times[..Math.Min(Volatile.Read(ref _count), Most)];

    /// <summary>How many stretches ended before each of so many wake-ups was heeded; those that came between two calls waited for none.</summary>
    public int[] Waited(int wakeUps)
    {
        var waited = _waited[..];
        waited[0] = Math.Max(0, wakeUps - waited.Sum() - LetOn);
        return waited;
    }

    /// <summary>The waiter has run since the last look.</summary>
    private void NoteWayMade(ulong ran)
    {
        if (_isLetOn)
            Interlocked.Increment(ref _letOn);
        else if (_ended != 0)
            Interlocked.Increment(ref _waited[Math.Min(_ended, MostWaited)]);
        (_ended, _isLetOn, _waiterRan) = (0, false, ran);
    }
}
