using System.Globalization;
using NUnit.Framework;
using Pv.Abi;
using Pv.Toolstack.Commands;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Metrics;

namespace Pv.Tests.Commands;

/// <summary>Commands of xl that change or show little: what they print, what they ask for, and what they end with.</summary>
[TestFixture]
public sealed class OldWordTests
{
    private FakeToolstack _host = new();
    private FakeTerminal _terminal = new();

    [SetUp]
    public void Fresh() => (_host, _terminal) = (new FakeToolstack(), new FakeTerminal());

    private Task<int> RunAsync(params string[] words)
        => new CommandRunner(_host).RunAsync(new(words, _terminal.Directory, [], _terminal.Facts), _terminal);

    private static DomainView Guest(string name = "a", ushort id = 5, ShutdownReason? reason = null) => new(
        new DomId(id), name, Guid.NewGuid(), reason is null ? DomainInfoFlags.Blocked : DomainInfoFlags.Shutdown, reason ?? default, 128 << 8, 1, 46_600_000_000, "Pool-0",
        DateTimeOffset.Now) { MostPages = 160 << 8, Claimed = 3 << 8 };

    public static IEnumerable<TestCaseData> RealVerdicts()
        => File.ReadLines(Repository.Data("xl", "absent.tsv")).Skip(1).Select(line => line.Split('\t'))
            .Select(row => new TestCaseData(row[0].Split(' '), int.Parse(row[1], CultureInfo.InvariantCulture), row[2].Replace("\\n", "\n")).SetArgDisplayNames(row[0]));

    [TestCaseSource(nameof(RealVerdicts))]
    public async Task What_is_about_absent_hardware_ends_as_the_real_one_does_without_it(string[] words, int code, string printed)
    {
        Assert.That(await RunAsync(words), Is.EqualTo(code));
        if (code != 2)
            Assert.That(_terminal.Output.TrimEnd('\n'), Is.EqualTo(printed));
        // A wrong use shows help; these print instead of complaining.
        if (code is not (0 or 2) && words[0] is not ("psr-hwinfo" or "getenforce" or "button-press"))
            Assert.That(_terminal.Errors.TrimEnd('\n'), Is.Not.Empty.And.Not.Contain("\n"), "one sentence says why");
    }

    [Test]
    public void Everything_about_absent_hardware_is_judged()
    {
        var judged = File.ReadLines(Repository.Data("xl", "absent.tsv")).Skip(1).Select(line => line.Split('\t')[0].Replace("-N ", "").Split(' ')[0]).ToHashSet();
        // These crash the real tool, or found what had been made before; device trees are no matter of x86.
        judged.UnionWith(["usbdev-detach", "vtpm-detach", "dt-overlay"]);
        Assert.That(CommandRows.All.Where(row => row.IsAbsent).Select(row => row.Name), Is.SubsetOf(judged));
    }

    [Test]
    public async Task Claims_stand_behind_the_columns_of_a_list()
    {
        var real = (await File.ReadAllTextAsync(Repository.Data("xl", "outputs", "claims.txt"))).Split('\n');
        _host.All.Clear();
        _host.All.Add(FakeToolstack.Dom0(1024, 2) with { CpuTime = 1176_000_000_000 });
        _host.All.Add(Guest("cloud-idle", 17) with { Claimed = 0 });

        Assert.That(await RunAsync("claims"), Is.Zero);

        Assert.That(_terminal.Output.Split('\n')[..3], Is.EqualTo(real[1..4]));
        _host.All[1] = Guest("cloud-idle", 17);
        await RunAsync("claims");
        Assert.That(_terminal.Output, Does.EndWith("46.6     3\n"));
    }

    [Test]
    public async Task A_configuration_is_replaced_for_the_next_restart()
    {
        _host.All.Add(Guest());
        _terminal.Files["-"] = "name=\"b\"\nkernel=\"k\"\nmemory=8\n";

        Assert.That(await RunAsync("config-update", "a", "-", "memory=16"), Is.Zero);

        Assert.That(_host.Done, Is.EqualTo(new[] { "replace d5 b" }));
        Assert.That(_host.Replaced!.EffectiveMemoryKiB, Is.EqualTo(16 * 1024));
        Assert.That(_terminal.Errors, Does.EndWith("setting dom5 configuration\n"));

        Assert.That(await RunAsync("-N", "config-update", "a", "-"), Is.Zero);
        Assert.That(_host.Done, Has.Count.EqualTo(1));
        Assert.That(_terminal.Output, Does.Contain("\"max_memkb\": 8192"));
        Assert.That(await RunAsync("config-update", "a"), Is.EqualTo(1));
        Assert.That(await RunAsync("config-update", "a", "/no/such/file"), Is.EqualTo(1));
        _terminal.Files["-"] = "kernel=\"k\"\n";
        Assert.That(await RunAsync("config-update", "a", "-"), Is.EqualTo(1), "no name");
    }

    [Test]
    public async Task Quotas_are_read_and_set_for_a_domain_or_for_all()
    {
        _host.All.Add(Guest());

        Assert.That(await RunAsync("xenstore-quota-get", "a"), Is.Zero);
        Assert.That(_terminal.Output, Is.EqualTo("Quota name           Quota value\nnodes                7\ntransaction-nodes    1024\n"));
        Assert.That(await RunAsync("xenstore-quota-set", "a", "nodes=9", "memory=0"), Is.Zero);
        Assert.That(await RunAsync("xenstore-quota-set", "-g", "nodes=10"), Is.Zero);
        Assert.That(_host.Done, Is.EqualTo(new[] { "quota d5 nodes 9", "quota d5 memory 0", "quota all nodes 10" }));

        foreach (var wrong in (string[])["nodes", "nodes=", "nodes=-1", "=3", "nodes=x"])
            Assert.That(await RunAsync("xenstore-quota-set", "a", "nodes=1", wrong), Is.EqualTo(1), wrong);
        Assert.That(_host.Done, Has.Count.EqualTo(3), "a wrong word sets none of the others");
        Assert.That(await RunAsync("xenstore-quota-set", "a"), Is.EqualTo(2));
        Assert.That(await RunAsync("xenstore-quota-get"), Is.EqualTo(2));
        Assert.That(await RunAsync("xenstore-quota-get", "nosuch"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_batch_of_top_has_the_columns_of_xentop()
    {
        var real = (await File.ReadAllTextAsync(Repository.Data("xl", "outputs", "top.txt"))).Split('\n');
        _host.All[0] = FakeToolstack.Dom0(1024, 2) with { CpuTime = 176_000_000_000, MostPages = 1024 << 8 };
        _host.All.Add(Guest("a-name-of-some-length", 9, ShutdownReason.Crash));
        foreach (var (name, operation, vdev, count) in new[]
        {
            ("requests", "read", "51712", 3), ("requests", "write", "51712", 4), ("requests", "flush", "51712", 99), ("requests", "read", "51728", 10),
            ("sectors", "read", "51712", 24), ("sectors", "write", "51728", 70),
        })
        {
            var family = new MetricFamily($"pv_disk_{name}_total", "counter", "");
            family.Add(count, ("domid", "9"), ("name", "a"), ("vdev", vdev), ("operation", operation));
            _host.Measured.Add(family);
        }

        Assert.That(await RunAsync("top", "-b", "-i", "1", "-z"), Is.Zero);
        var lines = _terminal.Output.Split('\n');
        Assert.That(lines[0], Is.EqualTo(real[1]));
        // Nothing has been used since a moment before the first.
        string[] Known(string line) => [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where((_, i) => i != 3)];
        Assert.That(Known(lines[1]), Is.EqualTo(Known(real[2])));
        Assert.That(lines[1], Has.Length.EqualTo(real[2].Length));
        Assert.That(lines[2], Does.StartWith("a-name-of- ---c--         46    0.0     131072    3.1     163840       3.9     1 ").And.EndWith("        0       13        4         24         70    0"));

        await RunAsync("top", "-b", "-f", "-r", "-i", "1");
        Assert.That(_terminal.Output, Does.Contain("\na-name-of-some-length ---c--"));
        Assert.That(await RunAsync("top", "-b", "-d", "0"), Is.EqualTo(1));
        Assert.That(await RunAsync("top", "-b", "-i", "x"), Is.EqualTo(1));
        _terminal.Interrupt();
        Assert.That(await RunAsync("top", "-b"), Is.Zero, "an interrupt ends it");
    }

    [Test]
    public async Task What_is_asked_reaches_the_host()
    {
        _host.All.Add(Guest());

        Assert.That(await RunAsync("suspend", "a"), Is.Zero);
        Assert.That(await RunAsync("resume", "5"), Is.Zero);
        Assert.That(await RunAsync("debug-keys", "qh"), Is.Zero);
        Assert.That(_host.Done, Is.EqualTo(new[] { "suspend d5", "resume d5", "keys qh" }));
        Assert.That(await RunAsync("set-parameters", "loglvl=x"), Is.EqualTo(1));
        Assert.That(_terminal.Errors, Does.Contain("cannot set parameters: loglvl=x"));
    }

    [Test]
    public async Task Words_of_a_network_interface_are_judged_but_not_obeyed_yet()
    {
        Assert.That(await RunAsync("-N", "network-attach", "0", "bridge=br0", "mac=0:1:2:3:4:5"), Is.Zero);
        Assert.That(_terminal.Output, Is.EqualTo("vif: {\n    \"mac\": \"00:01:02:03:04:05\",\n    \"bridge\": \"br0\"\n}\n\n"));
        Assert.That(await RunAsync("network-attach", "0", "bogus"), Is.EqualTo(1));
        Assert.That(_terminal.Errors, Is.EqualTo("unrecognized argument `bogus'\n"));
        Assert.That(await RunAsync("network-attach", "0", "bridge=br0"), Is.EqualTo(1));
        Assert.That(_terminal.Errors, Does.Contain("not built yet"));
    }

    [Test]
    public async Task A_dry_run_of_pinning_speaks_of_a_host_of_16_CPUs()
    {
        Assert.That(await RunAsync("-N", "vcpu-pin", "0", "0", "nodes:1,^9"), Is.Zero);
        Assert.That(_terminal.Output, Is.EqualTo("cpumap: 8,10-15\n"));
    }
}
