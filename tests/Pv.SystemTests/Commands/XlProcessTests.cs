using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.Tests;

namespace Pv.SystemTests.Commands;

/// <summary>The built commands as processes, with a C# guest.</summary>
[TestFixture]
[Platform("Linux")]
public sealed partial class XlProcessTests
{
    private PvHost _host = null!;

    [SetUp]
    public void Begin() => _host = PvHost.Prepare();

    [TearDown]
    public async Task End() => await _host.DisposeAsync();

    [Test]
    public async Task A_guest_is_created_on_its_console_left_found_again_and_destroyed()
    {
        var free = await _host.XlOutputAsync("info", "free_memory");
        await using (var first = _host.OpenXlAtTerminal("create", "-c", Hello))
        {
            await first.ExpectAsync("pv> ");
            await first.SendAsync("version\r");
            await first.ExpectAsync("Xen 4.17");
            await first.SendAsync(Session.Escape);
            Assert.That(await first.ExitAsync(), Is.Zero);
        }
        await using (var again = _host.OpenXlAtTerminal("console", "hello"))
        {
            // The scrollback: what was said before this one came.
            await again.ExpectAsync("Xen 4.17");
            await again.ExpectAsync("pv> ");
            await again.SendAsync(Session.Escape);
            Assert.That(await again.ExitAsync(), Is.Zero);
        }
        // It blocks when it has said its last, a moment after that is read.
        await _host.UntilAsync("hello", domain => domain.State == "-b----");
        Assert.That(await _host.XlOutputAsync("list"), Does.Match(@"\nhello +1 +4 +1     [r-][b-]----  +\d+\.\d\n"));
        Assert.That(await _host.XlOutputAsync("domid", "hello"), Is.EqualTo("1\n"));
        Assert.That(_host.Read("1/console.log"), Does.Contain("Xen 4.17"));

        await _host.XlOutputAsync("destroy", "hello");

        Assert.That(await _host.XlOutputAsync("info", "free_memory"), Is.EqualTo(free));
        Assert.That(await _host.XlOutputAsync("list"), Does.Not.Contain("hello"));
    }

    [Test]
    public async Task Several_xl_at_once_start_one_pvd()
    {
        var lists = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _host.XlOutputAsync("list")));

        Assert.That(lists, Has.All.Contain("Domain-0"));
        Assert.That(Starts().Count(_host.Read("pvd.log")), Is.EqualTo(1));
    }

    [Test]
    public async Task The_terminal_is_raw_for_the_guest_and_then_what_it_was()
    {
        await _host.XlOutputAsync("create", "-q", Hello);
        await using var session = _host.OpenShellAtTerminal($"stty -a > '{_host.Folder}/before'; \"$1\" console hello; stty -a > '{_host.Folder}/after'");
        await session.ExpectAsync("pv> ");

        // A terminal that is not raw would turn Ctrl-C into a signal, and its own echo would show the letters twice.
        await session.SendAsync("\x03" + "echo one\r");
        await session.ExpectAsync("echo one");
        var answer = await session.ExpectAsync("pv> ");
        await session.SendAsync(Session.Escape);

        Assert.That(await session.ExitAsync(), Is.Zero);
        Assert.That(answer, Does.Contain("one").And.Not.Contain("echo one"));
        Assert.That(File.ReadAllText($"{_host.Folder}/after"), Is.EqualTo(File.ReadAllText($"{_host.Folder}/before")));
    }

    [Test]
    public async Task A_terminal_that_nobody_reads_stalls_neither_the_guest_nor_other_readers()
    {
        await _host.XlOutputAsync("create", "-q", Hello);
        await using var stopped = _host.OpenXlUnread("console", "hello");
        await using var reader = _host.OpenXl("console", "hello");
        await reader.ExpectAsync("pv> ");

        // More than the pipe, the socket and the window of the one that is never read can hold together.
        for (var i = 0; i < 1500; i++)
        {
            await reader.SendAsync($"help {i}\n");
            await reader.ExpectAsync($"help {i}\r\n");
            await reader.ExpectAsync("pv> ");
        }
        Assert.That(reader.Shown, Has.Length.GreaterThan(1 << 20));
        await reader.SendAsync(Session.Escape);
        Assert.That(await reader.ExitAsync(), Is.Zero);
    }

    [Test]
    public async Task A_configuration_comes_from_standard_input_and_from_a_descriptor()
    {
        await using (var piped = _host.OpenXl("create", "-q", "-"))
        {
            await piped.SendAsync(await File.ReadAllTextAsync(Hello) + $"\nkernel = \"{PvHost.Samples}\"\n");
            piped.EndInput();
            Assert.That(await piped.ExitAsync(), Is.Zero);
        }
        await using var shell = _host.OpenShell($"\"$1\" create -q /dev/fd/3 'name=\"other\"' 'kernel=\"{PvHost.Samples}\"' 3< '{Hello}'");

        Assert.That((await shell.ExitAsync(), shell.Shown), Is.EqualTo((0, "")));
        Assert.That(await _host.XlOutputAsync("list"), Does.Contain("hello").And.Contain("other"));
    }

    [Test]
    public async Task A_reboot_makes_the_domain_anew_and_a_crash_is_told()
    {
        await _host.XlOutputAsync("create", "-q", Hello, "on_crash=\"preserve\"");
        await using (var console = _host.OpenXl("console", "hello"))
        {
            await console.ExpectAsync("pv> ");
            await console.SendAsync("reboot\n");
            await console.ExpectAsync("Pv shell on domain 2");
            await console.ExpectAsync("pv> ");
            Assert.That(await _host.XlOutputAsync("domid", "hello"), Is.EqualTo("2\n"));
            await console.SendAsync("crash on purpose\n");
            await PvHost.UntilAsync(async () => (await _host.XlOutputAsync("list", "hello")).Contains("sc-", StringComparison.Ordinal));
            await console.SendAsync(Session.Escape);
            await console.ExitAsync();
        }

        Assert.That(await _host.XlOutputAsync("dmesg"), Does.Contain("on purpose"));
        await _host.XlOutputAsync("destroy", "hello");
    }

    [Test]
    public async Task A_shutdown_is_waited_for_and_the_paused_one_stays()
    {
        await _host.XlOutputAsync("create", "-q", Hello);
        await _host.XlOutputAsync("create", "-q", "-p", Hello, "name=\"still\"");

        var result = await _host.XlAsync("shutdown", "-w", "hello");

        Assert.That(result.ExitCode, Is.Zero);
        Assert.That(result.Errors, Does.Contain("Domain 1 has been shut down, reason code 0"));
        Assert.That(await _host.XlOutputAsync("list", "still"), Does.Contain("--p---"));
        await PvHost.UntilAsync(async () => (await _host.XlAsync("domid", "hello")).ExitCode == 1);
    }

    [Test]
    public async Task Pvd_ends_in_order_when_it_is_asked_to()
    {
        await _host.XlOutputAsync("create", "-q", Hello);
        await using var console = _host.OpenXl("console", "hello");
        await console.ExpectAsync("pv> ");

        await _host.EndStartedByXlAsync();

        Assert.That(await console.ExitAsync(), Is.EqualTo(1));
        Assert.That(File.Exists(Path.Combine(_host.Folder, "control.socket")), Is.False);
        Assert.That(_host.Read("pvd.log"), Does.Not.Contain("error"));
    }

    [Test]
    public async Task A_pvd_without_domains_leaves_by_itself()
    {
        await using var pvd = _host.RunDaemon("--idle-exit=1", "--memory=64", "--cpus=1");

        Assert.That(await pvd.ExitAsync(), Is.Zero);
    }

    [Test]
    public async Task A_pvd_that_cannot_start_is_told_with_its_reason()
    {
        Directory.CreateDirectory(Path.Combine(_host.Folder, "control.socket"));

        var result = await _host.XlAsync("list");

        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Errors, Does.Contain("pvd cannot start").And.Contain("pvd.log"));
    }

    private static string Hello => Path.Combine(Repository.Root, "examples", "hello.cfg");

    [GeneratedRegex("a machine of")]
    private static partial Regex Starts();
}
