using System.Globalization;

namespace Pv.Benchmarks.Disks;

/// <summary>
/// A C# guest's disk on a file that the host has in memory, against the same file used directly, in turns: large requests one after the other,
/// and random ones of 4 KiB with 32 under way on one ring. Each with persistent grants and without.
/// </summary>
internal static class DiskBenchmark
{
    internal const long FileBytes = 256 << 20;
    private const int UsualRounds = 15;

    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(0.3);

    private static readonly DiskWork[] Works =
    [
        new("read", 128, 4, 0.80), new("read", 128, 16, 0.80), new("randread", 4, 32, 0.70), new("write", 128, 4, null), new("randwrite", 4, 32, null),
    ];

    /// <param name="words">The folder for the file, or nothing for the temporary one; how often each is measured; the one kind of work to measure.</param>
    public static async Task<int> RunAsync(string[] words)
    {
        var path = Path.Combine(words.FirstOrDefault() ?? Path.GetTempPath(), $"pv-disk-{Environment.ProcessId}.img");
        var rounds = words.Length > 1 ? int.Parse(words[1], CultureInfo.InvariantCulture) : UsualRounds;
        try
        {
            Fill(path);
            await using var mapping = await ShellDisk.StartAsync(path, persistent: false);
            await using var persistent = await ShellDisk.StartAsync(path, persistent: true);
            using var direct = new DirectLoop(path, FileBytes);
            DiskRuns[] hosts = [new("grants mapped for each request", mapping), new("persistent grants", persistent)];
            foreach (var host in hosts)
                Console.WriteLine($"{host.Name}: {await host.Disk.DescribeAsync()}");
            foreach (var work in Works.Where(work => words.Length < 3 || work.Kind == words[2]))
                await MeasureAsync(work, hosts, direct, rounds);
            return 0;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task MeasureAsync(DiskWork work, DiskRuns[] hosts, DirectLoop direct, int rounds)
    {
        const int warming = 2;
        var wanted = work.Wanted is { } ratio ? string.Create(CultureInfo.InvariantCulture, $" ({ratio:f2} wanted)") : "";
        Console.WriteLine($"{work.Kind} of {work.KiB} KiB, {work.Depth} under way{wanted}");
        var directProcessor = new ProcessorTime();
        foreach (var host in hosts)
            host.Clear();
        for (var round = -warming; round < rounds; round++)
        {
            // Who is first changes, so that none always has what another left.
            var order = round % 2 == 0 ? hosts : [.. hosts.Reverse()];
            var rates = new double[order.Length];
            var rate = round % 2 == 0 ? directProcessor.Measure(Direct) : 0;
            for (var i = 0; i < order.Length; i++)
                rates[i] = await order[i].RunAsync(work, Slice, counts: round >= 0);
            rate = rate > 0 ? rate : directProcessor.Measure(Direct);
            for (var i = 0; round >= 0 && i < order.Length; i++)
                order[i].Note(rates[i], rate);
        }
        foreach (var host in hosts)
            host.Report(work);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  directly: {directProcessor.PerRequest:f2} us of processor time each"));

        double Direct() => direct.Run(work, Slice);
    }

    /// <summary>A file without holes, in the host's memory.</summary>
    internal static void Fill(string path)
    {
        var chunk = new byte[1 << 20];
        new Random(1).NextBytes(chunk);
        using var file = File.Create(path);
        for (var written = 0L; written < FileBytes; written += chunk.Length)
            file.Write(chunk);
        file.Flush(flushToDisk: true);
    }

    /// <summary>What the process's processor time was for the direct requests.</summary>
    private sealed class ProcessorTime
    {
        private TimeSpan _time;
        private double _requests;

        public double PerRequest => _time.TotalMicroseconds / _requests;

        public double Measure(Func<double> run)
        {
            var before = Environment.CpuUsage.TotalTime;
            var rate = run();
            _time += Environment.CpuUsage.TotalTime - before;
            _requests += rate * Slice.TotalSeconds;
            return rate;
        }
    }
}
