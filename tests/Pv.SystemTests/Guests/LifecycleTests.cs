using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Guests;

/// <summary>Domains' ends and what follows, memory and vCPUs while they live: <c>xl</c> on a C# guest and on Debian's pvgrub.</summary>
[TestFixture]
public sealed class LifecycleTests
{
    private const string Prompt = "pv> ";

    private PvHost _host = null!;

    [SetUp]
    public async Task StartAsync() => _host = await PvHost.StartAsync(memory: 256);

    [TearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_terminal_stays_with_the_domain_across_reboots_until_it_powers_off()
    {
        await using var console = _host.OpenXlAtTerminal("create", "-c", _host.WriteSample("guest"), "memory=8");
        for (var boot = 1; boot <= 3; boot++)
        {
            await console.ExpectAsync($"Pv shell on domain {boot}");
            await console.ExpectAsync(Prompt);
            // What the command line said holds for the restarts, too.
            await console.AskAsync("mem", "2048 frames (8 MiB)");
            await console.ExpectAsync(Prompt);
            await console.SendAsync(boot < 3 ? "reboot\r" : "shutdown\r");
        }
        Assert.That(await console.ExitAsync(), Is.Zero);
        Assert.That(await _host.ListAsync(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_foreground_create_waits_for_the_last_of_the_restarts()
    {
        await using var create = _host.OpenXl("create", "-q", "-F", _host.WriteSample("guest"));
        await _host.UntilAsync("guest", _ => true);
        await _host.XlOutputAsync("reboot", "guest");
        var again = await _host.UntilAsync("guest", domain => domain.Id == 2);
        Assert.That(create.HasExited, Is.False);
        await using (var console = _host.OpenXl("console", again.Name))
            await console.ExpectAsync(Prompt);
        await _host.XlOutputAsync("shutdown", "-w", "guest");
        Assert.That(await create.ExitAsync(), Is.Zero);
    }

    [TestCase("destroy", 0)]
    [TestCase("preserve", 1)]
    [TestCase("restart", 1)]
    [TestCase("rename-restart", 2)]
    public async Task A_crash_is_answered_as_configured(string action, int left)
    {
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest", more: $"on_crash=\"{action}\""));
        await using var console = _host.OpenXl("console", "guest");
        await console.ExpectAsync(Prompt);
        await console.SendAsync("crash test\r");

        if (action == "destroy")
            Assert.That(await console.ExitAsync(), Is.Zero);
        else if (action == "preserve")
            await _host.UntilAsync("guest", domain => domain.State == "---sc-");
        else
            await _host.UntilAsync("guest", domain => domain.Id == 2 && domain.State[3] == '-');

        var rest = (await _host.ListAsync()).Where(domain => domain.Id != 0).ToArray();
        Assert.That(rest, Has.Length.EqualTo(left));
        if (action == "rename-restart")
        {
            Assert.That(rest[0].Name, Does.Match("^guest-\\d{8}T\\d{6}Z$"));
            Assert.That(rest[0].State, Is.EqualTo("---sc-"));
            await _host.XlOutputAsync("destroy", rest[0].Name);
            Assert.That((await _host.FindAsync("guest")).Id, Is.EqualTo(2));
        }
    }

    [Test]
    public async Task Without_anybody_to_act_it_stays_as_it_ended()
    {
        await _host.XlOutputAsync("create", "-q", "-e", _host.WriteSample("guest"));
        await using (var console = _host.OpenXl("console", "guest"))
        {
            await console.ExpectAsync(Prompt);
            await console.SendAsync("shutdown\r");
            await _host.UntilAsync("guest", domain => domain.State == "---s--");
        }
        var asked = await _host.XlAsync("shutdown", "guest");
        Assert.That((asked.ExitCode, asked.Errors), Is.EqualTo((1, "Shutting down domain 1\nDomain guest has shut down already: destroy it to be rid of it.\n")));
        await _host.XlOutputAsync("destroy", "guest");
    }

    [Test]
    public async Task All_are_shut_down_and_waited_for()
    {
        foreach (var name in (string[])["one", "two", "three"])
            await _host.XlOutputAsync("create", "-q", _host.WriteSample(name));

        var done = await _host.XlAsync("shutdown", "-a", "-w", "-F");

        Assert.That(done.ExitCode, Is.Zero, done.Errors);
        Assert.That(done.Errors, Does.Contain("Waiting for 3 domains").And.Contain("Domain 3 has been shut down, reason code 0"));
        await PvHost.UntilAsync(async () => (await _host.ListAsync()).Count == 1);
    }

    [Test]
    public async Task Memory_follows_what_is_set()
    {
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest", more: "maxmem=8"));
        await using var console = _host.OpenXl("console", "guest");
        await console.ExpectAsync(Prompt);
        await console.AskAsync("mem", "1024 frames (4 MiB)");

        await _host.XlOutputAsync("mem-set", "guest", "6");
        await _host.UntilAsync("guest", domain => domain.Memory == 6);
        await console.AskAsync("mem", "the hypervisor counts 1536.");
        await _host.XlOutputAsync("mem-set", "guest", "2048k");
        await _host.UntilAsync("guest", domain => domain.Memory == 2);
        await console.AskAsync("mem", "the hypervisor counts 512.");

        var tooMuch = await _host.XlAsync("mem-set", "guest", "9m");
        Assert.That(tooMuch.ExitCode, Is.EqualTo(1));
        Assert.That(tooMuch.Errors, Does.Contain("guest").And.Contain("8192 KiB"));
        await _host.XlOutputAsync("mem-max", "guest", "12");
        await _host.XlOutputAsync("mem-set", "guest", "9m");
        await _host.UntilAsync("guest", domain => domain.Memory == 9);
        Assert.That((await _host.XlAsync("mem-max", "guest", "8")).ExitCode, Is.EqualTo(1));

        await _host.XlOutputAsync("reboot", "guest");
        await console.ExpectAsync("Pv shell on domain 2");
        Assert.That((await _host.FindAsync("guest")).Memory, Is.EqualTo(9));
    }

    [Test]
    public async Task The_vcpus_of_a_kernel_are_listed_and_set()
    {
        var kernel = DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin");
        var config = _host.WriteConfiguration("grub", $"name=\"grub\"\nkernel=\"{kernel}\"\nmemory=32\nvcpus=2\nmaxvcpus=4\n");
        await _host.XlOutputAsync("create", "-q", config);

        // pvgrub brings one up and leaves the others alone.
        var rows = (await _host.XlOutputAsync("vcpu-list", "grub")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(rows, Has.Length.EqualTo(5));
        Assert.That(rows[1], Does.Match(@"^grub {29} {4}1 {5}0 {4}[01]   [r-][b-]- +\d+\.\d  all / all$"));
        Assert.That(rows[2..], Has.All.Match(@"^grub {29} {4}1 {5}[123]    -   --p       0\.0  all / all$"));

        await _host.XlOutputAsync("vcpu-set", "grub", "2");
        var tooMany = await _host.XlAsync("vcpu-set", "grub", "3");
        Assert.That((tooMany.ExitCode, tooMany.Errors.Contains("--ignore-host", StringComparison.Ordinal)), Is.EqualTo((1, true)), tooMany.Errors);
        await _host.XlOutputAsync("vcpu-set", "-i", "grub", "4");
        var more = await _host.XlAsync("vcpu-set", "-i", "grub", "5");
        Assert.That((more.ExitCode, more.Errors), Is.EqualTo((1, "Domain grub cannot have 5 vCPUs: its configuration allows 4.\n")));
    }
}
