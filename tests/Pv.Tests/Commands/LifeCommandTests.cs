using System.Globalization;
using NUnit.Framework;
using Pv.Abi;
using Pv.Config;
using Pv.Toolstack.Commands;
using Pv.Toolstack.Domains;

namespace Pv.Tests.Commands;

/// <summary>Commands that ask a domain's kernel for something: shutdown, vCPUs, memory, keys.</summary>
[TestFixture]
public sealed class LifeCommandTests
{
    private FakeToolstack _host = new();
    private FakeTerminal _terminal = new();

    [SetUp]
    public void Fresh()
    {
        (_host, _terminal) = (new FakeToolstack(), new FakeTerminal());
        _host.All.Add(Guest(5, "linux", vcpus: 4));
    }

    private static DomainView Guest(ushort id, string name, uint vcpus = 1, DomainInfoFlags flags = default) => new(
        new DomId(id), name, Guid.Empty, flags, default, 128 << 8, vcpus, 0, "Pool-0", DateTimeOffset.Now);

    private Task<int> RunAsync(params string[] words)
        => new CommandRunner(_host).RunAsync(new(words, _terminal.Directory, [], _terminal.Facts), _terminal);

    public static IEnumerable<TestCaseData> RealVcpuLists()
    {
        var text = File.ReadAllText(Repository.Data("xl", "outputs", "vcpu-list.txt"));
        var number = 0;
        foreach (var part in text.Split("$ xl ", StringSplitOptions.RemoveEmptyEntries).Where(part => part.StartsWith("vcpu-list", StringComparison.Ordinal)))
        {
            var lines = part.Split('\n');
            var rows = lines.Skip(1).TakeWhile(line => !line.StartsWith("---", StringComparison.Ordinal)).ToArray();
            yield return new TestCaseData([rows]).SetName($"xl vcpu-list {++number}");
        }
    }

    [TestCaseSource(nameof(RealVcpuLists))]
    public async Task The_list_of_vcpus_has_the_columns_of_the_real_one(string[] printed)
    {
        _host.All.Clear();
        foreach (var domain in printed.Skip(1).Select(Fields).GroupBy(fields => fields[0]))
        {
            var id = ushort.Parse(domain.First()[1], CultureInfo.InvariantCulture);
            _host.All.Add(Guest(id, domain.Key));
            _host.Vcpus[new DomId(id)] = [.. domain.Select(Vcpu)];
        }

        Assert.That(await RunAsync("vcpu-list"), Is.Zero);
        Assert.That(_terminal.Output.TrimEnd('\n').Split('\n'), Is.EqualTo(printed));
    }

    private static string[] Fields(string row) => row.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static VcpuView Vcpu(string[] fields)
    {
        var online = fields[3] != "-";
        return new VcpuView(
            new VcpuId(uint.Parse(fields[2], CultureInfo.InvariantCulture)), online, fields[4][0] == 'r', fields[4][1] == 'b',
            (ulong)(double.Parse(fields[5], CultureInfo.InvariantCulture) * 1e9 + 1e6), online ? uint.Parse(fields[3], CultureInfo.InvariantCulture) : 0,
            Map(fields[6]), Map(fields[8]));
    }

    private static CpuMap Map(string text) => CpuMap.Parse(text, new HostTopology(2), new ConfigDiagnostics())!;

    [Test]
    public async Task A_vcpu_that_is_down_is_shown_as_the_real_one_does()
    {
        _host.Vcpus[new DomId(5)] = [new VcpuView(new VcpuId(1), false, false, false, 19_900_000_000, 1, Map("all"), Map("all"))];

        Assert.That(await RunAsync("vcpu-list", "linux"), Is.Zero);
        Assert.That(_terminal.Output.Split('\n')[1], Is.EqualTo("linux                                5     1    -   --p      19.9  all / all"));
    }

    [TestCase("3", true, "vcpus d5 3", Description = "fewer than there are")]
    [TestCase("4", true, "vcpus d5 4")]
    [TestCase("5", false, "overcommmitting! You have 2 physical CPUs and want 5")]
    [TestCase("x", false, "Invalid argument")]
    [TestCase("", false, "Invalid argument")]
    [TestCase("-1", false, "Invalid argument")]
    public async Task The_number_of_vcpus(string count, bool isDone, string what)
    {
        Assert.That(await RunAsync("vcpu-set", "linux", count), isDone ? Is.Zero : Is.Not.Zero);
        Assert.That(isDone ? _host.Done.Single() : _terminal.Errors, Does.Contain(what));
    }

    [TestCase("-i")]
    [TestCase("--ignore-host")]
    public async Task The_host_is_paid_no_heed_if_so_said(string option)
    {
        Assert.That(await RunAsync("vcpu-set", option, "linux", "16"), Is.Zero);
        Assert.That(_host.Done, Is.EqualTo(new[] { "vcpus d5 16" }));
    }

    [TestCase("mem-set", "64", "target d5 65536")]
    [TestCase("mem-set", "65536k", "target d5 65536")]
    [TestCase("mem-set", "64M", "target d5 65536")]
    [TestCase("mem-set", "1g", "target d5 1048576")]
    [TestCase("mem-set", "1048576b", "target d5 1024")]
    [TestCase("mem-max", "1t", "maximum d5 1073741824")]
    [TestCase("mem-max", "0", "maximum d5 0")]
    public async Task An_amount_of_memory(string command, string size, string done)
    {
        Assert.That(await RunAsync(command, "linux", size), Is.Zero);
        Assert.That(_host.Done, Is.EqualTo(new[] { done }));
    }

    [TestCase("mem-set", "12x")]
    [TestCase("mem-set", "1.5g")]
    [TestCase("mem-max", "x")]
    [TestCase("mem-max", "64mm")]
    [TestCase("mem-max", "99999999999999999999t")]
    public async Task No_amount_of_memory(string command, string size)
    {
        Assert.That(await RunAsync(command, "linux", size), Is.EqualTo(1));
        Assert.That(_terminal.Errors, Is.EqualTo($"invalid memory size: {size}\n"));
        Assert.That(_host.Done, Is.Empty);
    }

    [Test]
    public async Task A_key_is_one_letter()
    {
        Assert.That(await RunAsync("sysrq", "linux", "h"), Is.Zero);
        Assert.That(await RunAsync("sysrq", "linux", "hh"), Is.EqualTo(1));
        Assert.That(await RunAsync("sysrq", "linux", ""), Is.EqualTo(1));
        Assert.That(_host.Done, Is.EqualTo(new[] { "sysrq d5 h" }));
        Assert.That(_terminal.Output, Does.StartWith("Usage: xl"));
    }

    [Test]
    public async Task A_trigger_is_one_of_those_there_are()
    {
        Assert.That(await RunAsync("trigger", "linux", "nmi", "3"), Is.Zero);
        Assert.That(await RunAsync("trigger", "linux", "bogus"), Is.EqualTo(1));
        Assert.That(_host.Done, Is.EqualTo(new[] { "trigger d5 Nmi 3" }));
        Assert.That(_terminal.Errors, Is.EqualTo("Invalid trigger \"bogus\"\n"));
    }

    [Test]
    public async Task Unpausing_what_runs_is_told_and_no_failure()
    {
        _host.All.Add(Guest(6, "paused", flags: DomainInfoFlags.Paused));

        Assert.That(await RunAsync("unpause", "paused"), Is.Zero);
        Assert.That(_terminal.Errors, Is.Empty);
        Assert.That(await RunAsync("unpause", "linux"), Is.Zero);
        Assert.That(_terminal.Errors, Does.Contain("linux"));
    }

    [Test]
    public async Task All_are_asked_though_one_is_deaf_and_the_others_are_waited_for()
    {
        _host.All.Add(Guest(6, "deaf"));
        _host.All.Add(Guest(7, "crashed", flags: DomainInfoFlags.Shutdown));
        _host.Deaf.Add(new DomId(6));
        _host.Shutdowns[new DomId(5)] = ShutdownReason.Reboot;

        Assert.That(await RunAsync("reboot", "-a", "-w", "-F"), Is.EqualTo(1));

        Assert.That(_host.Done, Is.EqualTo(new[] { "Reboot d5" }));
        Assert.That(_terminal.Errors, Is.EqualTo(
            "Rebooting domain 5\nRebooting domain 6\nd6 is deaf\nWaiting for 1 domains\nDomain 5 has been shut down, reason code 1\n"));
    }

    [Test]
    public async Task A_console_goes_on_with_the_domain_that_a_restart_makes()
    {
        _host.Console.Text = "bye. ";
        _host.Console.Ends = true;
        _host.Successors[new DomId(5)] = new DomId(6);

        Assert.That(await RunAsync("console", "linux"), Is.Zero);

        Assert.That(_host.Attached, Is.EqualTo(new[] { new DomId(5), new DomId(6) }));
    }
}
