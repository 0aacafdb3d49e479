using System.Globalization;

namespace Pv.Benchmarks.Disks;

/// <summary>One guest's disk, and what was measured of it.</summary>
internal sealed class DiskRuns(string name, ShellDisk disk)
{
    private readonly List<double> _ratios = [], _rates = [], _directs = [];
    private DiskCounts _counts = new();
    private ThreadTimes _threads = new(new Dictionary<string, long>(), 0);
    private (double Notifications, double Events) _guest;

    public string Name => name;

    public ShellDisk Disk => disk;

    public void Clear()
    {
        _ratios.Clear();
        _rates.Clear();
        _directs.Clear();
        _counts = new DiskCounts();
        _threads = new ThreadTimes(new Dictionary<string, long>(), 0);
        _guest = default;
    }

    /// <summary>Lets the guest work; the requests a second that it counted.</summary>
    public async Task<double> RunAsync(DiskWork work, TimeSpan time, bool counts)
    {
        var (threads, before) = (ThreadTimes.Now(), disk.Host.Count());
        var result = await disk.BenchAsync(work, time);
        if (!counts)
            return result.Rate;
        _counts += disk.Host.Count() - before;
        _threads = _threads.Add(threads, ThreadTimes.Now());
        _guest = (_guest.Notifications + result.Notifications, _guest.Events + result.Events);
        return result.Rate;
    }

    /// <summary>What the guest reached, and the direct loop beside it.</summary>
    public void Note(double rate, double direct)
    {
        _ratios.Add(rate / direct);
        _rates.Add(rate);
        _directs.Add(direct);
    }

    public void Report(DiskWork work)
    {
        double Mebibytes(double rate) => rate * work.KiB / 1024;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {name}: {Median(_ratios):f2} of directly, best {_ratios.Max():f2} ({Mebibytes(Median(_rates)):f0} MiB/s against {Mebibytes(Median(_directs)):f0}; best of each {_rates.Max() / _directs.Max():f2}, {Mebibytes(_rates.Max()):f0} against {Mebibytes(_directs.Max()):f0})"));
        Console.WriteLine($"    a request: {_counts.PerRequest()}");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"      {_guest.Notifications / _ratios.Count:f3} notifications by the guest, {_guest.Events / _ratios.Count:f3} events to it, {_threads.Sleeps / (double)_counts.Transfers:f3} sleeps of threads"));
        Console.WriteLine($"      us of processor time: {_threads.PerRequest(_counts.Transfers)}");
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
