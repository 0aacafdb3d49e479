using System.Globalization;
using NUnit.Framework;
using Pv.Abi;
using Pv.Machine.Gate;
using Pv.Toolstack.Commands;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;

namespace Pv.Tests.Commands;

/// <summary>Commands against what the real xl printed for the same state (<c>tests/Data/xl</c>).</summary>
[TestFixture]
public sealed class CommandTests
{
    private FakeToolstack _host = new();
    private FakeTerminal _terminal = new();

    [SetUp]
    public void Fresh() => (_host, _terminal) = (new FakeToolstack(), new FakeTerminal());

    private Task<int> RunAsync(params string[] words)
        => new CommandRunner(_host).RunAsync(new(words, _terminal.Directory, [], _terminal.Facts), _terminal);

    private static DomainView Guest(string state = "------", ulong time = 1_100_000_000, ShutdownReason reason = default) => new(
        new DomId(17), "cloud-idle", Guid.Parse("d470f7b7-b866-49a4-8ea9-8e9d2fabc782"), Flags(state), reason, 128 << 8, 1, time, "Pool-0", DateTimeOffset.Now);

    private static DomainInfoFlags Flags(string state)
        => (state[0] == 'r' ? DomainInfoFlags.Running : 0) | (state[1] == 'b' ? DomainInfoFlags.Blocked : 0) | (state[2] == 'p' ? DomainInfoFlags.Paused : 0)
           | (state[3] == 's' ? DomainInfoFlags.Shutdown : 0) | (state[5] == 'd' ? DomainInfoFlags.Dying : 0);

    public static IEnumerable<TestCaseData> RealLists()
    {
        var text = File.ReadAllText(Repository.Data("xl", "outputs", "list.txt"));
        foreach (var part in text.Split("$ xl ", StringSplitOptions.RemoveEmptyEntries).Where(part => part.StartsWith("list", StringComparison.Ordinal)))
        {
            var lines = part.Split('\n');
            var rows = lines.Skip(1).TakeWhile(line => !line.StartsWith("---", StringComparison.Ordinal)).ToArray();
            yield return new TestCaseData(lines[0].Split(' '), rows).SetName($"xl {lines[0]} of {rows.Length - 1}");
        }
    }

    [TestCaseSource(nameof(RealLists))]
    public async Task A_list_has_the_columns_of_the_real_one(string[] words, string[] printed)
    {
        // The state and the time are the two things that no two calls have in common: they are read from the real row.
        _host.All.Clear();
        foreach (var row in printed.Skip(1))
        {
            var view = row.StartsWith("Domain-0", StringComparison.Ordinal) ? FakeToolstack.Dom0(1024, 2) : Guest();
            var fields = row[40..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            _host.All.Add(view with { Flags = Flags(fields[3]), CpuTime = (ulong)(double.Parse(fields[4], CultureInfo.InvariantCulture) * 1e9 + 1e6) });
        }

        Assert.That(await RunAsync(words), Is.Zero);
        Assert.That(_terminal.Output.TrimEnd('\n').Split('\n'), Is.EqualTo(printed));
    }

    [Test]
    public async Task Names_and_numbers_are_listed_as_the_real_one_does()
    {
        _host.All.Add(Guest());

        Assert.That(await RunAsync("vm-list"), Is.Zero);

        var real = File.ReadAllText(Repository.Data("xl", "outputs", "list.txt")).Split("$ xl vm-list\n")[1].Split("\n---")[0];
        Assert.That(_terminal.Output.TrimEnd('\n'), Is.EqualTo(real));
    }

    [TestCase(0u, "---s--")]
    [TestCase(1u, "---sr-")]
    [TestCase(3u, "---sc-")]
    [TestCase(5u, "---sS-")]
    public void A_domain_that_has_shut_down_says_why(uint reason, string state)
        => Assert.That(Guest("---s--", reason: (ShutdownReason)reason).State, Is.EqualTo(state));

    [TestCase("info")]
    [TestCase("info", "-n")]
    public async Task The_host_is_described_line_by_line_as_the_real_one(params string[] words)
    {
        Assert.That(await RunAsync(words), Is.Zero);

        var real = File.ReadAllText(Repository.Data("xl", "outputs", "info.txt")).Split($"$ xl {string.Join(' ', words)}\n")[1].Split("\n---")[0];
        // The real host's node is larger than its memory by a hole; ours has none.
        Assert.That(_terminal.Output.TrimEnd('\n').Replace("4095       3028 ", "5120       3028 "), Is.EqualTo(real));
    }

    [Test]
    public async Task A_single_field_of_the_host_is_its_value_alone()
    {
        Assert.That(await RunAsync("info", "xen_version"), Is.Zero);
        Assert.That(_terminal.Output, Is.EqualTo("4.17.7\n"));
        Assert.That(await RunAsync("info", "no_such_field"), Is.EqualTo(1));
    }

    public static IEnumerable<TestCaseData> RealErrors()
        => File.ReadLines(Repository.Data("xl", "errors.tsv")).Skip(1).Select(line => line.Split('\t'))
            .Select(row => new TestCaseData(row[0].Split(' '), int.Parse(row[1], CultureInfo.InvariantCulture), row[2]).SetName($"xl {row[0]}"));

    [TestCaseSource(nameof(RealErrors))]
    public async Task Wrong_uses_end_with_the_code_and_the_words_of_the_real_one(string[] words, int code, string complaint)
    {
        if (words.Contains("cloud-idle"))
            _host.All.Add(Guest());

        Assert.That(await RunAsync(words), Is.EqualTo(code));
        if (complaint.Length > 0)
            Assert.That(_terminal.Errors, Does.StartWith(Differing.GetValueOrDefault(string.Join(' ', words), complaint)));
    }

    /// <summary>Where we say more than the real one: it prints its own name first, or the letter that getopt left behind.</summary>
    private static readonly Dictionary<string, string> Differing = new()
    {
        ["--bogus"] = "unknown global option",
        ["list --bogus"] = "option `--bogus' not supported.",
    };

    [Test]
    public async Task The_last_option_a_console_takes_is_the_character_that_leaves()
    {
        _host.All.Add(Guest());
        _host.Console.Text = "login: ";
        _terminal = new FakeTerminal { Typed = "root\r" };

        Assert.That(await RunAsync("console", "-e", "^a", "cloud-idle"), Is.Zero);

        Assert.That(_terminal.Output, Is.EqualTo("login: "));
        Assert.That(_host.Console.Typed, Is.EqualTo("root\r"u8.ToArray()));
        Assert.That(_host.Console.IsDisposed, Is.True);
    }

    [Test]
    public async Task A_console_that_is_not_there_is_named()
    {
        _host.All.Add(Guest());

        Assert.That(await RunAsync("console", "-n", "3", "17"), Is.EqualTo(1));
        Assert.That(_terminal.Errors, Does.Contain("cloud-idle").And.Contain("3"));
    }

    [Test]
    public async Task Create_reads_standard_input_through_the_terminal_and_adds_the_words()
    {
        _terminal.Files["-"] = "name=\"a\"\nkernel=\"k\"\nmemory=8\n";

        Assert.That(await RunAsync("create", "-p", "-c", "-", "memory=64", "vcpus=2"), Is.Zero);

        Assert.That(_host.Created!.EffectiveMemoryKiB, Is.EqualTo(64 * 1024));
        Assert.That(_host.Created.EffectiveMaxVcpus, Is.EqualTo(2));
        Assert.That(_host.Done, Has.One.StartsWith("create a paused=True act=True"));
        Assert.That(_terminal.Errors, Is.EqualTo("Parsing config from -\n"));
        Assert.That(_host.Console.IsDisposed, Is.True);
    }

    [TestCase("create", "-q", "-n", "-")]
    [TestCase("-N", "create", "-q", "-")]
    public async Task A_dry_run_prints_the_configuration_and_builds_nothing(params string[] words)
    {
        _terminal.Files["-"] = "name=\"a\"\nkernel=\"k\"\nmemory=8\nuuid=\"d470f7b7-b866-49a4-8ea9-8e9d2fabc782\"";

        Assert.That(await RunAsync(words), Is.Zero);

        Assert.That(_terminal.Output, Does.Contain("\"uuid\": \"d470f7b7-b866-49a4-8ea9-8e9d2fabc782\"").And.Contain("\"max_memkb\": 8192"));
        Assert.That(_terminal.Errors, Is.Empty);
        Assert.That(_host.Created, Is.Null);
    }

    [Test]
    public async Task Waiting_for_a_shutdown_tells_the_reason()
    {
        _host.All.Add(Guest());
        _host.Shutdowns[new DomId(17)] = ShutdownReason.PowerOff;

        Assert.That(await RunAsync("shutdown", "-w", "cloud-idle"), Is.Zero);

        Assert.That(_host.Done, Is.EqualTo(new[] { "PowerOff d17" }));
        Assert.That(_terminal.Errors, Does.Contain("Domain 17 has been shut down, reason code 0"));
    }

    [Test]
    public async Task An_interrupt_ends_the_waiting_and_not_the_domain()
    {
        _host.All.Add(Guest());
        _terminal.Interrupt();

        Assert.That(await RunAsync("reboot", "-w", "-a"), Is.EqualTo(130));
        Assert.That(_host.Done, Is.EqualTo(new[] { "Reboot d17" }));
    }

    [Test]
    public async Task The_log_is_printed_and_emptied()
    {
        _host.HypervisorLog = "(XEN) one\n(XEN) two\n";

        Assert.That(await RunAsync("dmesg", "-c"), Is.Zero);
        Assert.That(await RunAsync("dmesg"), Is.Zero);
        Assert.That(_terminal.Output, Is.EqualTo("(XEN) one\n(XEN) two\n"));
    }

    [Test]
    public async Task A_trace_is_switched_shown_and_counted()
    {
        _host.All.Add(Guest());
        _host.Calls.Add(new TracedHypercall(
            3, new VcpuId(0), new HypercallRegisters((ulong)HypercallNumber.SchedOp, 2, 0x1000), 0, 12345, -22, false, false, [new TracedBytes(0x1000, [1, 2])], [], false));

        Assert.That(await RunAsync("trace", "17", "on"), Is.Zero);
        Assert.That(await RunAsync("trace", "17", "show"), Is.Zero);
        Assert.That(await RunAsync("trace", "17", "counts"), Is.Zero);
        Assert.That(await RunAsync("trace", "17", "perhaps"), Is.EqualTo(2));

        Assert.That(_host.Done, Is.EqualTo(new[] { "trace d17 True" }));
        Assert.That(_terminal.Output, Does.Contain("3 [v0] 12345 sched_op(0x2, 0x1000) in{0x1000: 0102} -> -22 EINVAL"));
        Assert.That(_terminal.Output, Does.Contain("12 sched_op").And.Contain("3 exception 14"));
    }

    [Test]
    public void Every_command_that_is_called_built_has_a_body()
        => Assert.That(CommandRunner.Built, Is.EquivalentTo(CommandRows.All.Where(row => row is { IsBuilt: true, IsLocal: false, IsAbsent: false }).Select(row => row.Name)));
}
