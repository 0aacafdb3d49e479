using System.Diagnostics;
using System.Globalization;

namespace Pv.Benchmarks.Disks;

/// <summary>
/// The disk of Debian's Linux on a file that the host has in memory, against the same file used directly, in turns: with persistent grants, for
/// which Linux's front end copies every request, and without.
/// </summary>
internal static class LinuxDiskBenchmark
{
    private const string Prompt = ":~# ";
    private const int MiB = (int)(DiskBenchmark.FileBytes >> 20), UsualRounds = 5;

    // Linux makes 128 KiB requests of a larger one, and has all of them under way.
    private static readonly (string Name, string Command, DiskWork Directly)[] Works =
    [
        ("read, 1 MiB at a time past the guest's cache", $"dd if=/dev/xvda of=/dev/null bs=1M count={MiB} iflag=direct", new("read", 128, 4, null)),
        ("read through the guest's cache", $"echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/xvda of=/dev/null bs=1M count={MiB}", new("read", 128, 4, null)),
        ("write, 1 MiB at a time past the guest's cache", $"dd if=/dev/zero of=/dev/xvda bs=1M count={MiB} oflag=direct", new("write", 128, 4, null)),
    ];

    /// <param name="words">A kernel, an initramfs of <c>examples/linux/pack</c> with <c>modules/xen-blkfront.ko</c>, maybe the folder for the file and how often each is measured.</param>
    public static async Task<int> RunAsync(string[] words)
    {
        if (words.Length < 2)
        {
            Console.Error.WriteLine("disk-linux KERNEL INITRAMFS [FOLDER [ROUNDS]]: the initramfs needs modules/xen-blkfront.ko, see examples/linux/pack");
            return 2;
        }
        var path = Path.Combine(words.Length > 2 ? words[2] : Path.GetTempPath(), $"pv-disk-{Environment.ProcessId}.img");
        var rounds = words.Length > 3 ? int.Parse(words[3], CultureInfo.InvariantCulture) : UsualRounds;
        var configuration = $"name=\"linux\"\nmemory=256\nkernel=\"{Path.GetFullPath(words[0])}\"\nramdisk=\"{Path.GetFullPath(words[1])}\"\nextra=\"console=hvc0\"\n";
        try
        {
            DiskBenchmark.Fill(path);
            await using var mapping = await StartAsync(path, persistent: false, configuration);
            await using var persistent = await StartAsync(path, persistent: true, configuration);
            using var direct = new DirectLoop(path, DiskBenchmark.FileBytes);
            foreach (var work in Works)
                await MeasureAsync(work, [("grants mapped for each request", mapping), ("persistent grants", persistent)], direct, rounds);
            return 0;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<DiskHost> StartAsync(string path, bool persistent, string configuration)
    {
        var host = await DiskHost.StartAsync(path, persistent, configuration, Prompt);
        await InGuestAsync(host, "until [ -b /dev/xvda ]; do sleep 0.1; done");
        return host;
    }

    private static async Task MeasureAsync((string Name, string Command, DiskWork Directly) work, (string Name, DiskHost Host)[] hosts, DirectLoop direct, int rounds)
    {
        Console.WriteLine(work.Name);
        var rates = hosts.Select(_ => new List<double>()).ToArray();
        var (counts, threads) = (new DiskCounts[hosts.Length], hosts.Select(_ => new ThreadTimes(new Dictionary<string, long>(), 0)).ToArray());
        var directs = new List<double>();
        for (var round = -1; round < rounds; round++)
        {
            var rate = direct.Run(work.Directly, TimeSpan.FromSeconds(0.3)) * work.Directly.KiB / 1024;
            for (var i = 0; i < hosts.Length; i++)
            {
                var host = (i + round) % 2 == 0 ? i : hosts.Length - 1 - i;
                var (before, times) = (hosts[host].Host.Count(), ThreadTimes.Now());
                var reached = MiB / await InGuestAsync(hosts[host].Host, work.Command);
                if (round < 0)
                    continue;
                rates[host].Add(reached);
                counts[host] += hosts[host].Host.Count() - before;
                threads[host] = threads[host].Add(times, ThreadTimes.Now());
            }
            if (round >= 0)
                directs.Add(rate);
        }
        for (var i = 0; i < hosts.Length; i++)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {hosts[i].Name}: {Median(rates[i]):f0} MiB/s, best {rates[i].Max():f0}; directly {Median(directs):f0}, best {directs.Max():f0}"));
            Console.WriteLine($"    a request: {counts[i].PerRequest()}");
            Console.WriteLine($"      us of processor time: {threads[i].PerRequest(counts[i].Transfers)}");
        }
    }

    /// <summary>Runs a command in the guest; the seconds that it took.</summary>
    private static async Task<double> InGuestAsync(DiskHost host, string command)
    {
        await host.Console.TypeAsync($"echo 'be''gin'; {{ {command}; }} > /dev/null 2>&1; echo 'do''ne' $?");
        await host.Console.ExpectAsync("\nbegin\r\n");
        var start = Stopwatch.GetTimestamp();
        await host.Console.ExpectAsync("done ");
        var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (await host.Console.ExpectAsync("\r\n") is not "0" and var status)
            throw new InvalidOperationException($"In the guest this ends with {status}: {command}");
        await host.Console.ExpectAsync(Prompt);
        return elapsed;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
