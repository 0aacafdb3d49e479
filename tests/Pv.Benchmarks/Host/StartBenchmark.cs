using System.Diagnostics;

namespace Pv.Benchmarks.Host;

/// <summary>
/// From a request for a domain to the first byte on its console (C# guest), or to its prompt (pvgrub), on a host that has served some before.
/// The median and the best of some rounds.
/// </summary>
internal static class StartBenchmark
{
    private const int WarmUp = 10, Rounds = 21, PvgrubRounds = 5;

    /// <param name="words">The path of pvgrub's <c>grub-x86_64-xen.bin</c>, or nothing.</param>
    public static async Task<int> RunAsync(string[] words)
    {
        await using var host = await HostInProcess.StartAsync();
        var shell = $"name=\"shell\"\nmemory=4\nkernel=\"{SampleGuests.Path}\"\nextra=\"guest=Shell\"\n";
        await Measure(host, "C# guest to its first byte", shell, "", WarmUp, Rounds);
        if (words.Length == 0)
        {
            Console.WriteLine("pvgrub: name its grub-x86_64-xen.bin (package grub-xen-host) to measure it");
            return 0;
        }
        await Measure(host, "pvgrub to its prompt", $"name=\"pvgrub\"\nmemory=64\nkernel=\"{words[0]}\"\n", "grub>", 1, PvgrubRounds);
        return 0;
    }

    private static async Task Measure(HostInProcess host, string what, string configuration, string text, int warmUp, int rounds)
    {
        var times = new List<double>();
        for (var round = 0; round < warmUp + rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            var domain = await host.CreateAndReadAsync(configuration, text);
            var elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            await host.Domains.DestroyAsync(domain);
            if (round >= warmUp)
                times.Add(elapsed);
        }
        times.Sort();
        Console.WriteLine($"{what,-30} {times[rounds / 2],8:f1} ms median, {times[0],8:f1} ms best of {rounds}");
    }
}
