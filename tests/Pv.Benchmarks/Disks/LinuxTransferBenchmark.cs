using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Pv.Benchmarks.Host;

namespace Pv.Benchmarks.Disks;

/// <summary>
/// A disk of Debian's Linux on a file that this host has in memory, against the same file used by the same program here, in turns. The guest
/// passes its page cache by, so each of its requests comes to the back end.
/// </summary>
internal static partial class LinuxTransferBenchmark
{
    private const int Rounds = 5, Milliseconds = 500;
    private const string Prompt = ":~# ";

    private static readonly DiskWork[] Works = [new("read", 128, 4, null), new("read", 1024, 4, null), new("randread", 4, 32, null), new("write", 128, 4, null), new("randwrite", 4, 32, null)];

    /// <param name="words">
    /// The paths of a kernel, of an initramfs (<c>examples/linux/pack</c>) that has the modules for disks and <c>bin/transfers</c>, and of that program
    /// (<c>tests/Pv.SystemTests/Linux/Programs/transfers.c</c>); the folder for the file, where it is not the temporary one.
    /// </param>
    public static async Task<int> RunAsync(string[] words)
    {
        if (words.Length < 3)
        {
            Console.Error.WriteLine("disk-transfers KERNEL INITRAMFS TRANSFERS [FOLDER]: see examples/linux/fetch and pack");
            return 2;
        }
        var path = Path.Combine(words.ElementAtOrDefault(3) ?? Path.GetTempPath(), $"pv-disk-{Environment.ProcessId}.img");
        try
        {
            DiskBenchmark.Fill(path);
            var configuration = $"name=\"linux\"\nmemory=256\nkernel=\"{Path.GetFullPath(words[0])}\"\nramdisk=\"{Path.GetFullPath(words[1])}\"\nextra=\"console=hvc0\"\n";
            await using var host = await DiskHost.StartAsync(path, persistent: false, configuration, Prompt);
            await host.Console.TypeAsync("dmesg -n 1; until [ -b /dev/xvda ]; do sleep 0.1; done");
            await host.Console.ExpectAsync(Prompt);
            foreach (var work in Works)
                await MeasureAsync(work, host.Console, path, words[2]);
            return 0;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task MeasureAsync(DiskWork work, ConsoleTalk console, string path, string program)
    {
        var (guests, hosts) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            guests.Add(await InGuestAsync(console, work));
            hosts.Add(OnHost(program, path, work));
        }
        var ratios = guests.Zip(hosts, (guest, host) => guest / host).Order().ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{work.Kind,-9} {work.KiB,5} KiB, {work.Depth,2} at once: guest {Median(guests),7:f0} MiB/s, host {Median(hosts),7:f0} MiB/s, ratio {ratios[Rounds / 2]:f3} ({ratios[0]:f3} to {ratios[^1]:f3})"));
    }

    private static async Task<double> InGuestAsync(ConsoleTalk console, DiskWork work)
    {
        await console.TypeAsync($"transfers /dev/xvda {Words(work)} direct blind");
        return Rate(await console.ExpectAsync(Prompt));
    }

    private static double OnHost(string program, string path, DiskWork work)
    {
        var start = new ProcessStartInfo(program, [path, .. Words(work).Split(' '), "blind"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        return Rate(process.StandardOutput.ReadToEnd());
    }

    private static string Words(DiskWork work) => $"{work.Kind} {work.Bytes} {work.Depth} {Milliseconds}";

    /// <summary>MiB a second.</summary>
    private static double Rate(string said)
    {
        var result = Result().Match(said);
        return result.Success ? Number(1) / (1 << 20) / (Number(2) / 1e9) : throw new InvalidOperationException(said);

        double Number(int group) => double.Parse(result.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    [GeneratedRegex(@"requests, (\d+) bytes, (\d+) ns")]
    private static partial Regex Result();
}
