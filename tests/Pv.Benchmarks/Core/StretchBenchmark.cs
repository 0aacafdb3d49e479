using System.Diagnostics;
using Pv.Abi;
using Pv.Tests.MachineGuests;

namespace Pv.Benchmarks.Core;

/// <summary>
/// What a domain that loops in the longest calls on every vCPU costs its neighbours: by how much a timer of another domain comes late, alone, beside a
/// domain that only spins, and beside each kind of call; how long a stretch of such a call is, from one look at whether its pCPU is wanted to
/// the next; and how many stretches end between the timer's event and the moment when the call makes way. The scheduler's rate limit is off, so that a
/// vCPU that wakes need not wait for it.
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
        Console.WriteLine($"{"neighbour",-38} {"timer late:",11} {"p50",8} {"p99.9",8} {"most",8}   {"stretches waited for:",21} {"p99.9",5} {"most",4} {"let on",6}   {"stretch, of the thread's time:",30} {"p50",6} {"p99.9",6} {"most",8} {"looks",9}");
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
        var timing = new TimingGuest();
        var (timed, first) = host.Start(timing.Emit);
        var stretches = new Stretches(host.Core, host.Core.Domains.Find(timed)!.Vcpus[0]!);
        host.Core.PreemptionChooser = stretches.Around(host.Core.PreemptionChooser);
        DomId? hostile = null;
        if (neighbour is not null)
            hostile = host.Start(code => LoopingGuests.Emit(code, 2 * pcpus, neighbour), 2 * pcpus).Domain;
        Wait(host, timing, first, timing.Count(host, first) + Settling, hostile);
        var from = timing.Count(host, first);
        stretches.Clear();
        Wait(host, timing, first, from + samples, hostile);
        var late = timing.Samples(host, first, from, Math.Min(from + samples, TimingGuest.Most));
        var (times, waited) = (stretches.Times(), stretches.Waited(late.Length));
        Array.Sort(late);
        Array.Sort(times);
        Console.WriteLine($"{name,-38} {"",11} {At(late, 0.5),8:f1} {At(late, 0.999),8:f1} {At(late, 1),8:f1}   "
            + (times.Length == 0 ? "" : $"{"",21} {At(waited, 0.999),5} {Array.FindLastIndex(waited, count => count != 0),4} {stretches.LetOn,6}   {"",30} {At(times, 0.5),6:f1} {At(times, 0.999),6:f1} {At(times, 1),8:f1} {times.Length,9}"));
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

    /// <summary>The number that a part of all counted is not beyond.</summary>
    private static int At(int[] counts, double part)
    {
        var (number, seen, all) = (0, counts[0], counts.Sum());
        while (seen < all * part)
            seen += counts[++number];
        return number;
    }

    private static void SetRateLimit(MachineCodeHost host)
    {
        var operation = new SysctlSchedulerOp { CpuPoolId = 0, Scheduler = SchedulerId.Credit2, Command = SysctlSchedulerCommand.PutInfo };
        _ = host.Core.Scheduler.Adjust(ref operation);
    }
}
