using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Linux;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Runs;

/// <summary><c>xl run</c> on a C# guest, on Debian's pvgrub and on Debian's Linux: what it shows, its exit codes, and that nothing stays behind.</summary>
[TestFixture]
public sealed class RunTests
{
    private PvHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await PvHost.StartAsync(memory: 1024);

    [OneTimeTearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [TearDown]
    public async Task NothingStaysBehind() => Assert.That((await _host.ListAsync()).Select(domain => domain.Name), Is.EqualTo(new[] { "Domain-0" }));

    [TestCase(0, "powered off.", "-s", "shutdown")]
    [TestCase(10, "crashed", "-s", "crash test")]
    [TestCase(20, "without having shown \"never\"", "-s", "shutdown", "-x", "never")]
    [TestCase(10, "without having shown \"never\"", "-s", "crash", "--expect", "never")]
    [TestCase(0, "has shown all", "-x", "pv> ", "-s", "mem", "-x", "4 MiB")]
    [TestCase(0, "powered off.", "-x", "pv> ", "-s", "shutdown")]
    [TestCase(12, "rebooted", "-s", "reboot", "on_reboot=\"destroy\"")]
    [TestCase(10, "crashed", "-s", "crash", "on_crash=\"restart\"")]
    [TestCase(0, "powered off.", "-s", "shutdown", "on_poweroff=\"preserve\"")]
    public async Task The_exit_code_tells_why_it_ended(int code, string sentence, params string[] words)
    {
        var done = await _host.XlAsync(["run", _host.WriteSample("guest"), .. words]);

        Assert.That((done.ExitCode, done.Errors.Contains(sentence, StringComparison.Ordinal)), Is.EqualTo((code, true)), done.Errors + done.Output);
        Assert.That(done.Output, Does.Contain("Pv shell on domain"));
    }

    [Test]
    public async Task The_time_runs_out()
    {
        // Long enough on any host that the guest has said something.
        Command done;
        var milliseconds = 300;
        do
        {
            done = await _host.XlAsync("run", _host.WriteSample("guest"), "-t", $"{milliseconds}ms", "-x", "never");
            Assert.That((done.ExitCode, done.Errors.Contains("are over without having shown \"never\"", StringComparison.Ordinal)), Is.EqualTo((124, true)), done.Errors + done.Output);
            milliseconds *= 2;
        }
        while (!done.Output.Contains("Pv shell on domain", StringComparison.Ordinal) && milliseconds < Session.Patience.TotalMilliseconds);
        Assert.That(done.Output, Does.Contain("Pv shell on domain"));
    }

    [Test]
    public async Task A_reboot_is_followed()
    {
        var done = await _host.XlAsync("run", _host.WriteSample("guest"), "-x", "pv> ", "-s", "reboot", "-x", "Pv shell", "-x", "pv> ", "-s", "shutdown");
        Assert.That(done.ExitCode, Is.Zero, done.Errors + done.Output);
    }

    [Test]
    public async Task The_time_may_run_out_while_a_restart_is_waited_for()
    {
        // A domain that reboots at once is built again after a breath of two seconds: the time ends within.
        var done = await _host.XlAsync("run", "-t", "1.2", _host.WriteSample("guest"), "-s", "reboot", "-x", "never");
        Assert.That(done.ExitCode, Is.EqualTo(124), done.Errors);
        await Task.Delay(1500);
    }

    [Test]
    public async Task What_cannot_be_created_ends_as_create_does()
    {
        Assert.That((await _host.XlAsync("run", _host.WriteSample("guest"), "kernel=\"/nowhere\"")).ExitCode, Is.EqualTo(3));
        Assert.That((await _host.XlAsync("run")).ExitCode, Is.EqualTo(6));
        Assert.That((await _host.XlAsync("run", "-t", "soon", _host.WriteSample("guest"))).ExitCode, Is.EqualTo(2));
        Assert.That((await _host.XlAsync("run", "-l", "/nowhere/log", _host.WriteSample("guest"))).ExitCode, Is.EqualTo(1));
    }

    [Test]
    public async Task The_console_goes_to_a_file_and_nothing_is_said()
    {
        var log = Path.Combine(_host.Folder, "run.log");
        var done = await _host.XlAsync("run", "-q", "-l", log, _host.WriteSample("guest"), "-s", "echo to the file", "-s", "shutdown");
        Assert.That((done.ExitCode, done.Output, done.Errors), Is.EqualTo((0, "", "")));
        Assert.That(await File.ReadAllTextAsync(log), Does.Contain("Pv shell").And.Contain("\nto the file"));
    }

    [TestCase("INT", 130)]
    [TestCase("TERM", 130)]
    [TestCase("KILL", 137)]
    public async Task A_run_that_is_ended_takes_its_domain_with_it(string signal, int code)
    {
        await using var run = _host.OpenXl("run", _host.WriteSample("guest"));
        await run.ExpectAsync("pv> ");
        Command.Run("kill", ["-" + signal, $"{run.ProcessId}"], _host.Folder);
        Assert.That(await run.ExitAsync(), Is.EqualTo(code));
        // Of a killed one pvd hears by its connection.
        await PvHost.UntilAsync(async () => (await _host.ListAsync()).Count == 1);
    }

    [Test]
    public async Task Somebody_else_may_destroy_it()
    {
        await using var run = _host.OpenXl("run", _host.WriteSample("guest"));
        await run.ExpectAsync("pv> ");
        await _host.XlOutputAsync("destroy", "guest");
        Assert.That(await run.ExitAsync(), Is.EqualTo(13));
    }

    [Test]
    public async Task A_person_types_to_it_and_leaves()
    {
        await using var run = _host.OpenXlAtTerminal("run", "-i", _host.WriteSample("guest"));
        await run.ExpectAsync("pv> ");
        await run.AskAsync("echo typed", "\r\ntyped");
        await run.SendAsync(Session.Escape);
        Assert.That(await run.ExitAsync(), Is.EqualTo(130));
    }

    [Test]
    public async Task A_boot_loader_is_held_to_what_it_should_show()
    {
        string[] words = ["run", "examples/pvgrub.cfg", $"kernel=\"{DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin")}\""];
        var met = await _host.XlAsync([.. words, "-t", "8m", "-x", "grub> ", "-s", "echo $grub_platform", "-x", "xen"]);
        Assert.That(met.ExitCode, Is.Zero, met.Errors);
        var missed = await _host.XlAsync([.. words, "-t", "8m", "-x", "grub> ", "-s", "halt", "-x", "no such thing"]);
        Assert.That(missed.ExitCode, Is.EqualTo(20), missed.Errors);
    }

    [Test]
    public async Task Linux_is_held_to_what_it_should_show()
    {
        string[] words = ["run", .. LinuxGuest.Settings(new LinuxShape(), "linux"), "-t", "8m", "-x", LinuxGuest.Prompt];
        // Quotes keep the echo of what is typed from being what is expected.
        var met = await _host.XlAsync([.. words, "-s", "echo $((6*7))'st'ep", "-x", "42step"]);
        Assert.That(met.ExitCode, Is.Zero, met.Errors);
        var crash = await _host.XlAsync([.. words, "-s", "echo c > /proc/sysrq-trigger", "-x", "never"]);
        Assert.That(crash.ExitCode, Is.EqualTo(10), crash.Errors);
    }
}
