using System.Diagnostics;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Tests.MachineGuests;

namespace Pv.Benchmarks.Core;

/// <summary>
/// What a domain that loops in the longest calls on every vCPU costs its neighbours: by how much a timer of another domain comes late, alone, beside a
/// domain that only spins, and beside each kind of call; and how long a stretch of such a call is, from one look at whether its pCPU is wanted to
/// the next. The scheduler's rate limit is off, so that a vCPU that wakes need not wait for it.
/// </summary>
internal static class StretchBenchmark
{
    private const int Settling = 200;

    public static int Run(ReadOnlySpan<string> arguments)
    {
        var samples = arguments.Length > 0 ? int.Parse(arguments[0], System.Globalization.CultureInfo.InvariantCulture) : 5000;
        var pcpus = arguments.Length > 1 ? int.Parse(arguments[1], System.Globalization.CultureInfo.InvariantCulture) : 1;
        samples = Math.Clamp(samples, 100, TimingGuest.Most - Settling);
        Console.WriteLine($"{samples} timers, a millisecond apart; {pcpus} pCPUs; the neighbour has {2 * pcpus} vCPUs; microseconds");
        Console.WriteLine($"{"neighbour",-38} {"timer late:",12} {"p50",8} {"p99",8} {"p99.9",8} {"most",8}   {"stretch:",9} {"p50",8} {"p99.9",8} {"most",8} {"looks",10}");
        Measure("none", null, samples, pcpus);
        foreach (var (name, prepare) in LoopingGuests.All)
        {
            if (arguments.Length <= 2 || name.Contains(arguments[2], StringComparison.Ordinal))
                Measure(name, prepare, samples, pcpus);
        }
        return 0;
    }

    private static void Measure(string name, Func<GuestCode, Action>? neighbour, int samples, int pcpus)
    {
        using var host = new MachineCodeHost(pcpus);
        SetRateLimit(host);
        var stretches = new Stretches();
        host.Core.PreemptionChooser = stretches.Around(host.Core.PreemptionChooser);
        var timing = new TimingGuest();
        var (_, first) = host.Start(timing.Emit);
        DomId? hostile = null;
        if (neighbour is not null)
            hostile = host.Start(code => LoopingGuests.Emit(code, 2 * pcpus, neighbour), 2 * pcpus).Domain;
        Wait(host, timing, first, timing.Count(host, first) + Settling, hostile);
        var from = timing.Count(host, first);
        stretches.Clear();
        Wait(host, timing, first, from + samples, hostile);
        var late = timing.Samples(host, first, from, Math.Min(from + samples, TimingGuest.Most));
        var looks = stretches.Take();
        Array.Sort(late);
        Array.Sort(looks);
        Console.WriteLine($"{name,-38} {"",12} {At(late, 0.5),8:f1} {At(late, 0.99),8:f1} {At(late, 0.999),8:f1} {At(late, 1),8:f1}   {"",9} "
            + (looks.Length == 0 ? "" : $"{At(looks, 0.5),8:f1} {At(looks, 0.999),8:f1} {At(looks, 1),8:f1} {looks.Length,10}"));
        if (hostile is { } end && host.HasEnded(end))
            Console.WriteLine($"  the neighbour ended by itself:\n{host.Core.Log.Read(clear: false)}");
    }

    private static void Wait(MachineCodeHost host, TimingGuest timing, Mfn first, int count, DomId? hostile)
    {
        var patience = Stopwatch.StartNew();
        while (timing.Count(host, first) < Math.Min(count, TimingGuest.Most) && patience.Elapsed < TimeSpan.FromMinutes(2) && !(hostile is { } id && host.HasEnded(id)))
            Thread.Sleep(20);
    }

    private static double At(double[] sorted, double part)
        => sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * part))] / 1000;

    private static void SetRateLimit(MachineCodeHost host)
    {
        var operation = new SysctlSchedulerOp { CpuPoolId = 0, Scheduler = SchedulerId.Credit2, Command = SysctlSchedulerCommand.PutInfo };
        _ = host.Core.Scheduler.Adjust(ref operation);
    }

    /// <summary>The times between two looks of one vCPU; a look after which it leaves its pCPU ends a stretch and begins none.</summary>
    private sealed class Stretches
    {
        private const int Most = 1 << 20;

        private readonly double[] _times = new double[Most];
        private int _count;

        [ThreadStatic]
        private static Vcpu? _last;

        [ThreadStatic]
        private static long _lastLook;

        public Func<Vcpu, bool> Around(Func<Vcpu, bool> chooser) => vcpu =>
        {
            var now = Stopwatch.GetTimestamp();
            if (_last == vcpu && Interlocked.Increment(ref _count) is var at && at <= Most)
                _times[at - 1] = Stopwatch.GetElapsedTime(_lastLook, now).TotalNanoseconds;
            var isWanted = chooser(vcpu);
            (_last, _lastLook) = (isWanted ? null : vcpu, Stopwatch.GetTimestamp());
            return isWanted;
        };

        public void Clear() => Volatile.Write(ref _count, 0);

        public double[] Take() => _times[..Math.Min(Volatile.Read(ref _count), Most)];
    }
}
