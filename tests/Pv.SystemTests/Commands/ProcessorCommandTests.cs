using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Commands;

/// <summary>Schedulers, CPU pools and pinning from the command line, in xl's columns.</summary>
[TestFixture]
[Platform("Linux")]
public sealed class ProcessorCommandTests
{
    private PvHost _host = null!;

    [OneTimeSetUp]
    public async Task Begin() => _host = await PvHost.StartAsync(memory: 256, cpus: 4);

    [OneTimeTearDown]
    public async Task End() => await _host.DisposeAsync();

    [TearDown]
    public async Task DestroyGuest() => await _host.XlAsync("destroy", "hello");

    [Test]
    public async Task Weights_and_caps_of_credit2()
    {
        await CreateAsync("cpu_weight=512", "cap=50");
        Assert.That(await _host.XlOutputAsync("sched-credit2"), Is.EqualTo($"""
            Cpupool Pool-0: ratelimit=1000us
            Name                                ID Weight  Cap
            Domain-0                             0    256    0
            hello                             {await IdAsync(),4}    512   50

            """));
        await _host.XlOutputAsync("sched-credit2", "-d", "hello", "-w", "300", "-c", "0");
        Assert.That(await _host.XlOutputAsync("sched-credit2", "-d", "hello"), Does.EndWith("    300    0\n"));
        Assert.That(await _host.XlOutputAsync("sched-credit"), Is.Empty);
        Assert.That(await _host.XlOutputAsync("sched-rtds"), Is.Empty);
        await FailsAsync("Must specify a domain", "sched-credit2", "-w", "5");
        await FailsAsync("a weight is from 1 to 65535", "sched-credit2", "-d", "hello", "-w", "70000");
        await FailsAsync("a cap is from 0 (none) to 100", "sched-credit2", "-d", "hello", "-c", "101");
        await FailsAsync("rate limit", "sched-credit2", "-s", "-r", "7");
        await FailsAsync("in no pool of the rtds scheduler", "sched-rtds", "-d", "hello", "-v", "all");
    }

    [Test]
    public async Task A_pool_of_its_own_with_another_scheduler()
    {
        await CreateAsync();
        await _host.XlOutputAsync("cpupool-cpu-remove", "Pool-0", "2-3");
        Assert.That(await _host.XlOutputAsync("info", "free_cpus"), Is.EqualTo("2\n"));
        Assert.That(await _host.XlOutputAsync("cpupool-create", "name=\"rt\"", "sched=\"rtds\"", "cpus=\"2,3\""),
            Is.EqualTo("Using config file \"command line\"\ncpupool name:   rt\nscheduler:      rtds\nnumber of cpus: 2\n"));
        await _host.XlOutputAsync("cpupool-migrate", "hello", "rt");
        Assert.That(await _host.XlOutputAsync("cpupool-list"), Is.EqualTo("""
            Name               CPUs   Sched     Active   Domain count
            Pool-0               2   credit2       y          1
            rt                   2      rtds       y          1

            """));
        Assert.That(await _host.XlOutputAsync("cpupool-list", "-c", "rt"), Is.EqualTo("Name               CPU list\nrt                 2,3\n"));
        Assert.That(await _host.XlOutputAsync("list", "-c"), Does.Match(@"hello .* rt\n"));
        await _host.XlOutputAsync("sched-rtds", "-d", "hello", "-v", "0", "-p", "20000", "-b", "5000", "-e", "0");
        Assert.That(await _host.XlOutputAsync("sched-rtds", "-d", "hello", "-v", "all"), Does.EndWith("    0     20000      5000         no\n"));
        await FailsAsync("the budget no more than the period", "sched-rtds", "-d", "hello", "-p", "100", "-b", "200");
        await FailsAsync("is used by domains (1)", "cpupool-destroy", "rt");
        // As the real one, which tells of it and ends well.
        await FailsAsync("not free", 0, "cpupool-cpu-add", "Pool-0", "2");
        await _host.XlOutputAsync("cpupool-rename", "rt", "quick");
        await _host.XlOutputAsync("cpupool-migrate", "hello", "Pool-0");
        await _host.XlOutputAsync("cpupool-destroy", "quick");
        await _host.XlOutputAsync("cpupool-cpu-add", "Pool-0", "2-3");
        Assert.That(await _host.XlOutputAsync("cpupool-list", "-c"), Is.EqualTo("Name               CPU list\nPool-0             0,1,2,3\n"));
        await FailsAsync("unknown cpupool 'quick'", "cpupool-destroy", "quick");
    }

    [Test]
    public async Task Pinning_by_command_and_by_configuration()
    {
        await CreateAsync("cpus=\"1-2\"", "cpus_soft=\"2\"");
        Assert.That(await _host.XlOutputAsync("vcpu-list", "hello"), Does.EndWith("  1-2 / 2\n"));
        await _host.XlOutputAsync("vcpu-pin", "hello", "0", "3", "-");
        Assert.That(await _host.XlOutputAsync("vcpu-list", "hello"), Does.EndWith("  3 / 2\n"));
        await _host.XlOutputAsync("vcpu-pin", "hello", "all", "all", "all");
        Assert.That(await _host.XlOutputAsync("vcpu-list", "hello"), Does.EndWith("  all / all\n"));
        Assert.That(await _host.XlOutputAsync("-N", "vcpu-pin", "hello", "0", "0,2-3"), Is.EqualTo("cpumap: 0,2-3\n"));
        await FailsAsync("affinity map is empty", "vcpu-pin", "hello", "0", "9");
        await FailsAsync("has no vCPU 4", "vcpu-pin", "hello", "4", "all");
        await FailsAsync("Invalid argument x as VCPU", "vcpu-pin", "hello", "x", "all");
    }

    [Test]
    public async Task A_configuration_that_cannot_be_placed_leaves_nothing()
    {
        foreach (var (line, code, sentence) in new[] { ("pool=\"nosuch\"", 6, "there is no CPU pool 'nosuch'"), ("cpu_weight=70000", 3, "a weight is from 1") })
        {
            var create = await _host.XlAsync("create", "-q", "examples/hello.cfg", line);
            Assert.That(create.ExitCode, Is.EqualTo(code));
            Assert.That(create.Errors, Does.Contain(sentence));
        }
        Assert.That(await _host.XlOutputAsync("list"), Does.Not.Contain("hello"));
    }

    private Task<string> CreateAsync(params string[] lines) => _host.XlOutputAsync(["create", "-q", "examples/hello.cfg", .. lines]);

    private async Task<string> IdAsync() => (await _host.XlOutputAsync("domid", "hello")).TrimEnd();

    private Task FailsAsync(string sentence, params string[] words) => FailsAsync(sentence, 1, words);

    private async Task FailsAsync(string sentence, int code, params string[] words)
    {
        var result = await _host.XlAsync(words);
        Assert.That(result.ExitCode, Is.EqualTo(code), string.Join(' ', words));
        Assert.That(result.Errors, Does.Contain(sentence));
    }
}
