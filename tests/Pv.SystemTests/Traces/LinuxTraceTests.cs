using System.Globalization;
using NUnit.Framework;
using Pv.SystemTests.Linux;
using Pv.Tests;

namespace Pv.SystemTests.Traces;

/// <summary>
/// Debian's Linux asks here what it asks of real Xen, from its first call to its last, and gets the same answers; its page-table entries are
/// stored with the same bits (<c>tests/Data/traces/linux.md</c>).
/// </summary>
[TestFixture]
public sealed class LinuxTraceTests
{
    private const int Common = 100;

    [TestCase(1), TestCase(2), CancelAfter(600_000)]
    public async Task Its_life_is_that_on_real_Xen(int vcpus, CancellationToken cancel)
    {
        var calls = await RunAsync(vcpus, cancel);
        var trace = $"{vcpus}vcpu";
        var known = new KnownDifferences(File.ReadLines(Repository.Data("traces", "linux-differences.txt")), trace);
        var onXen = TraceRows.Parse(File.ReadLines(Repository.Data("traces", $"linux-{trace}.txt")));
        var wrong = known.Judge([.. TraceDifferences.Of(onXen, PhasesOf(vcpus, calls)), .. EntryDifferences(StoredEntries.Of(calls))]);
        Assert.That(wrong, Is.Empty, string.Join('\n', wrong));
    }

    /// <summary>Makes the data of these tests anew from the traces of real Xen, which <c>PV_TRACES</c> names the folder of.</summary>
    [Test, Explicit]
    public void Distil()
    {
        var folder = Environment.GetEnvironmentVariable("PV_TRACES");
        Assert.That(folder, Is.Not.Null, "PV_TRACES names the folder with linux-1vcpu.raw.jsonl.gz and linux-2vcpu.raw.jsonl.gz.");
        var entries = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var vcpus in (int[])[1, 2])
        {
            var calls = RecordedTrace.Read(Path.Combine(folder!, $"linux-{vcpus}vcpu.raw.jsonl.gz"));
            Write($"linux-{vcpus}vcpu.txt", $"Debian's Linux 6.1 on Xen 4.17.7 with {vcpus} vCPU(s): {calls.Count} calls.", TraceRows.Of(PhasesOf(vcpus, calls)));
            foreach (var (rule, count) in StoredEntries.Of(calls))
                entries[rule] = Math.Max(entries.GetValueOrDefault(rule), count);
        }
        Write("linux-entries.txt", "Page-table entries of Debian's Linux 6.1 on Xen 4.17.7: what it wrote and what was stored, and how often.",
            entries.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Value} {entry.Key}")));
    }

    private static IReadOnlyList<TracePhase> PhasesOf(int vcpus, IReadOnlyCollection<ObservedCall> calls) => vcpus == 1 ? LinuxTrace.OfOne(calls) : LinuxTrace.OfTwo(calls);

    private static async Task<IReadOnlyCollection<ObservedCall>> RunAsync(int vcpus, CancellationToken cancel)
    {
        var initramfs = LinuxFiles.Pack(
            ("traced", Repository.Data("traces", "linux-init")),
            ("modules/xen-blkfront.ko", LinuxFiles.Module("drivers/block/xen-blkfront.ko")),
            ("modules/xen-netfront.ko", LinuxFiles.Module("drivers/net/xen-netfront.ko")),
            ("modules/xen-privcmd.ko", LinuxFiles.Module("drivers/xen/xen-privcmd.ko")));
        var configuration = $"""
            name="linux"
            kernel="{LinuxFiles.Kernel("cloud-amd64")}"
            ramdisk="{initramfs}"
            memory=256
            vcpus={vcpus}
            extra="console=hvc0 rdinit=/traced"
            """;
        const ulong machineMegabytes = 512;
        await using var domain = await TracedDomain.CreateAsync(configuration, machineMegabytes, vcpus);
        await domain.RunToShutdownAsync(cancel);
        Assert.That(domain.Shown, Does.Contain("all is done"));
        return domain.Calls;
    }

    // A rule that is rare on Xen may not occur in another run; what occurs must be a rule there.
    private static IEnumerable<string> EntryDifferences(IReadOnlyDictionary<string, int> found)
    {
        var rules = File.ReadLines(Repository.Data("traces", "linux-entries.txt"))
            .Where(row => row[0] != '#')
            .Select(row => row.Split(' ', 2))
            .ToDictionary(row => row[1], row => int.Parse(row[0], CultureInfo.InvariantCulture));
        foreach (var rule in found.Keys.Where(rule => !rules.ContainsKey(rule)))
            yield return $"[entries] + {rule}";
        foreach (var (rule, _) in rules.Where(rule => rule.Value >= Common && !found.ContainsKey(rule.Key)))
            yield return $"[entries] - {rule}";
    }

    private static void Write(string file, string about, IEnumerable<string> rows)
        => File.WriteAllLines(Repository.Data("traces", file), [$"# {about} linux.md explains the rows.", .. rows]);
}
