using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Pv.SystemTests.Commands;

/// <summary>The built commands as processes, with a C# guest.</summary>
[TestFixture]
[Platform("Linux")]
public sealed partial class XlProcessTests
{
    private XlHost _host = null!;

    [SetUp]
    public void Begin() => _host = XlHost.Start();

    [TearDown]
    public async Task End() => await _host.DisposeAsync();

    [Test]
    public async Task A_guest_is_created_on_its_console_left_found_again_and_destroyed()
    {
        var free = await _host.XlAsync("info", "free_memory");
        using (var first = _host.OnTerminal("create", "-c", XlHost.Hello))
        {
            await first.ExpectAsync("pv> ");
            await first.TypeAsync("version\r");
            await first.ExpectAsync("Xen 4.17");
            await first.TypeAsync(XlSession.Escape);
            Assert.That(await first.EndAsync(), Is.Zero);
        }
        using (var again = _host.OnTerminal("console", "hello"))
        {
            // The scrollback: what was said before this one came.
            await again.ExpectAsync("Xen 4.17");
            await again.ExpectAsync("pv> ");
            await again.TypeAsync(XlSession.Escape);
            Assert.That(await again.EndAsync(), Is.Zero);
        }
        Assert.That(await _host.XlAsync("list"), Does.Match(@"\nhello +1 +4 +1     -b----  +\d+\.\d\n"));
        Assert.That(await _host.XlAsync("domid", "hello"), Is.EqualTo("1\n"));
        Assert.That(_host.Read("1/console.log"), Does.Contain("Xen 4.17"));

        await _host.XlAsync("destroy", "hello");

        Assert.That(await _host.XlAsync("info", "free_memory"), Is.EqualTo(free));
        Assert.That(await _host.XlAsync("list"), Does.Not.Contain("hello"));
    }

    [Test]
    public async Task Several_xl_at_once_start_one_pvd()
    {
        var lists = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _host.XlAsync("list")));

        Assert.That(lists, Has.All.Contain("Domain-0"));
        Assert.That(Starts().Count(_host.Log), Is.EqualTo(1));
    }

    [Test]
    public async Task The_terminal_is_raw_for_the_guest_and_then_what_it_was()
    {
        await _host.XlAsync("create", "-q", XlHost.Hello);
        var words = $"stty -a > '{_host.RunDirectory}/before'; '{XlHost.Xl}' console hello; stty -a > '{_host.RunDirectory}/after'";
        using var session = new XlSession(_host.Begin("script", "-qefc", words, "/dev/null"));
        await session.ExpectAsync("pv> ");

        // A terminal that is not raw would turn Ctrl-C into a signal, and its own echo would show the letters twice.
        await session.TypeAsync("\x03" + "echo one\r");
        await session.ExpectAsync("echo one");
        var answer = await session.ExpectAsync("pv> ");
        await session.TypeAsync(XlSession.Escape);

        Assert.That(await session.EndAsync(), Is.Zero);
        Assert.That(answer, Does.Contain("one").And.Not.Contain("echo one"));
        Assert.That(File.ReadAllText($"{_host.RunDirectory}/after"), Is.EqualTo(File.ReadAllText($"{_host.RunDirectory}/before")));
    }

    [Test]
    public async Task A_terminal_that_nobody_reads_stalls_neither_the_guest_nor_other_readers()
    {
        await _host.XlAsync("create", "-q", XlHost.Hello);
        using var stopped = _host.OnPipes("console", "hello");
        using var reader = _host.OnPipes("console", "hello");
        await reader.ExpectAsync("pv> ");

        // More than the pipe, the socket and the window of the one that is never read can hold together.
        for (var i = 0; i < 1500; i++)
        {
            await reader.TypeAsync($"help {i}\n");
            await reader.ExpectAsync($"help {i}\r\n");
            await reader.ExpectAsync("pv> ");
        }
        Assert.That(reader.Shown, Has.Length.GreaterThan(1 << 20));
        await reader.TypeAsync(XlSession.Escape);
        Assert.That(await reader.EndAsync(), Is.Zero);
    }

    [Test]
    public async Task A_configuration_comes_from_standard_input_and_from_a_descriptor()
    {
        using (var piped = _host.OnPipes("create", "-q", "-"))
        {
            await piped.TypeAsync(await File.ReadAllTextAsync(XlHost.Hello) + $"\nkernel = \"{Guests}\"\n");
            piped.Process.StandardInput.Close();
            Assert.That(await piped.EndAsync(), Is.Zero);
        }
        using var shell = _host.Begin("sh", "-c", $"'{XlHost.Xl}' create -q /dev/fd/3 'name=\"other\"' 'kernel=\"{Guests}\"' 3< '{XlHost.Hello}'");
        var result = await XlHost.EndAsync(shell);

        Assert.That((result.ExitCode, result.Errors), Is.EqualTo((0, "")));
        Assert.That(await _host.XlAsync("list"), Does.Contain("hello").And.Contain("other"));
    }

    [Test]
    public async Task A_reboot_makes_the_domain_anew_and_a_crash_is_told()
    {
        await _host.XlAsync("create", "-q", XlHost.Hello, "on_crash=\"preserve\"");
        using (var console = _host.OnPipes("console", "hello"))
        {
            await console.ExpectAsync("pv> ");
            await console.TypeAsync("reboot\n");
            Assert.That(await console.EndAsync(), Is.Zero);
        }
        await UntilAsync(async () => (await _host.RunAsync("domid", "hello")).Output == "2\n");
        using (var console = _host.OnPipes("console", "hello"))
        {
            await console.ExpectAsync("pv> ");
            await console.TypeAsync("crash on purpose\n");
            await UntilAsync(async () => (await _host.XlAsync("list", "hello")).Contains("sc-", StringComparison.Ordinal));
            await console.TypeAsync(XlSession.Escape);
            await console.EndAsync();
        }

        Assert.That(await _host.XlAsync("dmesg"), Does.Contain("on purpose"));
        await _host.XlAsync("destroy", "hello");
    }

    [Test]
    public async Task A_shutdown_is_waited_for_and_the_paused_one_stays()
    {
        await _host.XlAsync("create", "-q", XlHost.Hello);
        await _host.XlAsync("create", "-q", "-p", XlHost.Hello, "name=\"still\"");

        var result = await _host.RunAsync("shutdown", "-w", "hello");

        Assert.That(result.ExitCode, Is.Zero);
        Assert.That(result.Errors, Does.Contain("Domain 1 has been shut down, reason code 0"));
        Assert.That(await _host.XlAsync("list", "still"), Does.Contain("--p---"));
        await UntilAsync(async () => (await _host.RunAsync("domid", "hello")).ExitCode == 1);
    }

    [Test]
    public async Task Pvd_ends_in_order_when_it_is_asked_to()
    {
        await _host.XlAsync("create", "-q", XlHost.Hello);
        using var console = _host.OnPipes("console", "hello");
        await console.ExpectAsync("pv> ");
        using var daemon = _host.Daemon()!;

        await _host.StopAsync();

        Assert.That(await console.EndAsync(), Is.EqualTo(1));
        Assert.That(File.Exists(Path.Combine(_host.RunDirectory, "control.socket")), Is.False);
        Assert.That(_host.Log, Does.Not.Contain("error"));
    }

    [Test]
    public async Task A_pvd_without_domains_leaves_by_itself()
    {
        using var pvd = _host.Begin(XlHost.Pvd, "--idle-exit=1", "--memory=64", "--cpus=1");

        Assert.That((await XlHost.EndAsync(pvd)).ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_pvd_that_cannot_start_is_told_with_its_reason()
    {
        Directory.CreateDirectory(Path.Combine(_host.RunDirectory, "control.socket"));

        var result = await _host.RunAsync("list");

        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Errors, Does.Contain("pvd cannot start").And.Contain("pvd.log"));
    }

    private static string Guests
        => Path.Combine(XlHost.Root, "artifacts", "bin", "Pv.SampleGuests", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "Pv.SampleGuests.dll");

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 600; i++)
        {
            if (await holds())
                return;
        }
        Assert.Fail("It did not come about.");
    }

    [GeneratedRegex("a machine of")]
    private static partial Regex Starts();
}
