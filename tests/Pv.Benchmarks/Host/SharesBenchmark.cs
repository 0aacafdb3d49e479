using System.Diagnostics;
using System.Globalization;
using Pv.Abi;
using Pv.Tests.Building;

namespace Pv.Benchmarks.Host;

/// <summary>
/// How the schedulers divide pCPUs among guests that never rest: shares by weight, caps, and the budgets of RTDS, each against what was
/// asked for. The guests are of a few instructions or, with a kernel, Linux with a shell's loop.
/// </summary>
/// <remarks>Time is what the hypervisor accounts to a domain (<c>xl list</c>'s), and a share is a part of all or of the clock's time.</remarks>
internal static class SharesBenchmark
{
    private const string Prompt = ":~# ";
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2), Measuring = TimeSpan.FromSeconds(20);

    private static readonly Division[] Divisions =
    [
        new("weights", SchedulerId.Credit2, 1, [("cpu_weight=128", 1 / 8.0), ("cpu_weight=256", 2 / 8.0), ("cpu_weight=640", 5 / 8.0)]),
        new("weights", SchedulerId.Credit, 1, [("cpu_weight=128", 1 / 8.0), ("cpu_weight=256", 2 / 8.0), ("cpu_weight=640", 5 / 8.0)]),
        new("weights, 2 vCPUs on 2 pCPUs", SchedulerId.Credit2, 2, [("vcpus=2\ncpu_weight=256", 2 / 3.0), ("vcpus=2\ncpu_weight=512", 4 / 3.0)]),
        new("caps", SchedulerId.Credit2, 2, [("cap=20", 0.20), ("cap=50", 0.50), ("cap=75", 0.75)]),
        new("caps", SchedulerId.Credit, 2, [("cap=20", 0.20), ("cap=50", 0.50), ("cap=75", 0.75)]),
        new("budgets", SchedulerId.Rtds, 1, [("period=10000 budget=2000", 0.20), ("period=20000 budget=6000", 0.30), ("period=5000 budget=2000", 0.40)]),
    ];

    /// <param name="words">The paths of a kernel and of the initramfs that <c>examples/linux/pack</c> makes, or none.</param>
    public static async Task<int> RunAsync(string[] words)
    {
        Console.WriteLine($"{"",-29} {"scheduler",-9} {"asked for",-34} {"wanted",8} {"measured",9} {"off by",8}   ({Measuring.TotalSeconds:f0} s each)");
        // Guests of a few instructions bring no second vCPU up.
        foreach (var division in Divisions.Where(division => words.Length >= 2 || !division.NeedsVcpus))
            await MeasureAsync(division, words);
        return 0;
    }

    private static async Task MeasureAsync(Division division, string[] words)
    {
        await using var host = await HostInProcess.StartAsync(pcpus: division.PCpus, scheduler: division.Scheduler);
        var guests = new List<DomId>();
        foreach (var (settings, _) in division.Guests)
        {
            var keys = division.Scheduler == SchedulerId.Rtds ? "" : settings;
            guests.Add(words.Length >= 2 ? await StartLinuxAsync(host, guests.Count, keys, words) : await StartSpinningAsync(host, guests.Count, keys));
        }
        if (division.Scheduler == SchedulerId.Rtds)
        {
            for (var i = 0; i < guests.Count; i++)
                SetBudget(host, guests[i], division.Guests[i].Settings);
        }
        await Task.Delay(Settling);
        var (start, before) = (Stopwatch.GetTimestamp(), await TimesAsync(host, guests));
        await Task.Delay(Measuring);
        var (elapsed, after) = (Stopwatch.GetElapsedTime(start), await TimesAsync(host, guests));
        var sum = after.Zip(before, (now, then) => (double)(now - then)).Sum();
        // Weights divide what there is to divide; caps and budgets are parts of the clock's time.
        var whole = division.IsByWeight ? sum / division.PCpus : elapsed.TotalNanoseconds;
        for (var i = 0; i < guests.Count; i++)
        {
            var (settings, wanted) = division.Guests[i];
            var measured = (after[i] - before[i]) / whole;
            Console.WriteLine($"{division.Name,-29} {division.Scheduler.ToString().ToLowerInvariant(),-9} {settings.Replace('\n', ' '),-34} {wanted,8:p1} {measured,9:p2} {(measured / wanted) - 1,8:p1}");
        }
    }

    /// <summary>A configuration has no word for a budget: <c>xl sched-rtds</c> sets it.</summary>
    private static void SetBudget(HostInProcess host, DomId domain, string settings)
    {
        var numbers = settings.Split(' ').Select(word => uint.Parse(word[(word.IndexOf('=') + 1)..], CultureInfo.InvariantCulture)).ToArray();
        var vcpus = host.Domains.Processors.GetRealTime(domain);
        foreach (ref var vcpu in vcpus.AsSpan())
            vcpu.Rtds = new DomctlSchedRtds { Period = numbers[0], Budget = numbers[1] };
        host.Domains.Processors.SetRealTime(domain, vcpus);
    }

    private static async Task<ulong[]> TimesAsync(HostInProcess host, List<DomId> guests)
    {
        var all = await host.Domains.ListAsync();
        return [.. guests.Select(guest => all.First(domain => domain.Id == guest).CpuTime)];
    }

    private static async Task<DomId> StartSpinningAsync(HostInProcess host, int number, string settings)
    {
        var path = Path.Combine(host.Folder, "spinning");
        await File.WriteAllBytesAsync(path, SpinningKernel());
        var console = await host.CreateAsync($"name=\"spinning-{number}\"\nmemory=8\nkernel=\"{path}\"\n{settings}\n");
        await console.DisposeAsync();
        return console.Domain;
    }

    private static async Task<DomId> StartLinuxAsync(HostInProcess host, int number, string settings, string[] words)
    {
        var configuration = $"name=\"linux-{number}\"\nmemory=256\nkernel=\"{Path.GetFullPath(words[0])}\"\nramdisk=\"{Path.GetFullPath(words[1])}\"\nextra=\"console=hvc0\"\n{settings}\n";
        await using var console = await host.CreateAsync(configuration);
        await console.ExpectAsync(Prompt);
        await console.TypeAsync("for cpu in $(grep -o '^processor' /proc/cpuinfo); do while :; do :; done & done");
        await console.ExpectAsync(Prompt);
        return console.Domain;
    }

    /// <summary>A kernel that counts for ever, on its first vCPU.</summary>
    private static byte[] SpinningKernel()
    {
        byte[] code =
        [
            0x48, 0xff, 0xc0, // again: inc rax
            0xeb, 0xfb, //        jmp again
        ];
        return new ElfBuilder { Entry = 0x10_0000 }
            .Segment(0x10_0000, code, virtualAddress: 0x10_0000)
            .Notes().Note(ElfNote.VirtualBase, 0).Note(ElfNote.Entry, 0x10_0000)
            .Build();
    }

    /// <summary>Guests, each with its settings and the part of a pCPU that these should give it.</summary>
    private sealed record Division(string Name, SchedulerId Scheduler, int PCpus, (string Settings, double Wanted)[] Guests)
    {
        public bool IsByWeight { get; } = Guests.All(guest => guest.Settings.Contains("cpu_weight=", StringComparison.Ordinal));

        public bool NeedsVcpus { get; } = Guests.Any(guest => guest.Settings.Contains("vcpus=", StringComparison.Ordinal));
    }
}
