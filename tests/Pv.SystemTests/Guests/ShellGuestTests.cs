using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Guests;

/// <summary>The C# shell guest by <c>xl</c>: its console, its neighbours, and the ways in which it ends.</summary>
[TestFixture]
public sealed class ShellGuestTests
{
    private const string Prompt = "pv> ";

    private PvHost _host = null!;

    [SetUp]
    public async Task StartAsync() => _host = await PvHost.StartAsync(memory: 128);

    [TearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [Test]
    public async Task It_answers_on_its_console()
    {
        await using var console = _host.OpenXlAtTerminal("create", "-c", "examples/hello.cfg");
        await console.ExpectAsync(Prompt);
        await console.AskAsync("mem", "1024 frames (4 MiB)");
        await console.AskAsync("xs read domid", "\n1\r\n");
        await console.AskAsync("xs write data/colour blue", Prompt);
        await console.AskAsync("xs read data/colour", "\nblue\r\n");
        await console.AskAsync("frobnicate", "no such command");
        await console.SendAsync(Session.Escape);
        Assert.That(await console.ExitAsync(), Is.Zero);
        Assert.That((await _host.FindAsync("hello")).State, Does.Match("^[r-][b-]----$"));
    }

    [Test]
    public async Task It_pings_another()
    {
        await CreateAsync("ernie");
        await CreateAsync("bert");
        var peer = (await _host.FindAsync("bert")).Id;
        await using (var other = _host.OpenXl("console", "bert"))
            await other.ExpectAsync(Prompt);
        await using var console = _host.OpenXl("console", "ernie");
        await console.ExpectAsync(Prompt);
        await console.AskAsync($"ping {peer} 100", $"100 round trips to domain {peer}");
        await console.AskAsync("ping 999", "ping: ");
    }

    [Test]
    public async Task A_paused_one_waits()
    {
        await CreateAsync("guest");
        await using var console = _host.OpenXl("console", "guest");
        await console.ExpectAsync(Prompt);
        await _host.XlOutputAsync("pause", "guest");
        Assert.That((await _host.FindAsync("guest")).State, Does.Match("^..p---$"));
        await console.SendAsync("echo after the pause\r");
        Assert.That(console.Shown, Does.Not.Contain("after the pause"));
        await _host.XlOutputAsync("unpause", "guest");
        await console.ExpectAsync("after the pause");
        Assert.That((await _host.FindAsync("guest")).State, Does.Match("^..----$"));
    }

    [Test]
    public async Task Created_paused_it_begins_when_unpaused()
    {
        await _host.XlOutputAsync("create", "-q", "-p", _host.WriteSample("guest"));
        var listed = await _host.FindAsync("guest");
        Assert.That((listed.State, listed.Time), Is.EqualTo(("--p---", 0.0)));
        await using var console = _host.OpenXl("console", "guest");
        await _host.XlOutputAsync("unpause", "guest");
        await console.ExpectAsync(Prompt);
    }

    [Test]
    public async Task Asked_to_shut_down_it_does()
    {
        var free = await _host.FreeMemoryAsync();
        await using var console = _host.OpenXl("create", "-c", _host.WriteSample("guest"));
        await console.ExpectAsync(Prompt);
        await _host.XlOutputAsync("shutdown", "-w", "guest");
        await console.ExpectAsync("asks for PowerOff");
        Assert.That(await console.ExitAsync(), Is.Zero);
        Assert.That((await _host.XlAsync("domid", "guest")).ExitCode, Is.Not.Zero);
        Assert.That(await _host.FreeMemoryAsync(), Is.EqualTo(free));
    }

    [Test]
    public async Task Asked_to_reboot_it_comes_back_under_another_number()
    {
        await CreateAsync("guest");
        var before = (await _host.FindAsync("guest")).Id;
        await using var console = _host.OpenXl("console", "guest");
        await console.ExpectAsync(Prompt);
        await _host.XlOutputAsync("reboot", "guest");
        await console.ExpectAsync("asks for Reboot");
        await console.ExpectAsync($"Pv shell on domain {before + 1}");
        await console.AskAsync("xs read domid", $"\n{before + 1}\r\n");
        Assert.That((await _host.FindAsync("guest")).Id, Is.EqualTo(before + 1));
    }

    [Test]
    public async Task One_that_crashes_is_named_and_its_neighbour_lives()
    {
        await CreateAsync("neighbour");
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("victim", more: "on_crash=\"preserve\""));
        var victim = (await _host.FindAsync("victim")).Id;
        await using (var console = _host.OpenXl("console", "victim"))
        {
            await console.ExpectAsync(Prompt);
            await console.AskAsync("crash the last straw", "the last straw");
        }

        await _host.UntilAsync("victim", domain => domain.State.Contains('c', StringComparison.Ordinal));
        var log = "";
        await PvHost.UntilAsync(async () => (log = await _host.XlOutputAsync("dmesg")).Contains($"domain {victim} is \"victim\"", StringComparison.Ordinal), () => log);
        Assert.That(log, Does.Contain($"d{victim}v0: the kernel threw InvalidOperationException: the last straw").And.Contain($"domain {victim} crashed"));
        await using (var console = _host.OpenXl("console", "neighbour"))
        {
            await console.ExpectAsync(Prompt);
            await console.AskAsync("echo alive", "\nalive");
        }

        await _host.XlOutputAsync("destroy", "victim");
        Assert.That((await _host.ListAsync()).Select(domain => domain.Name), Is.EqualTo(new[] { "Domain-0", "neighbour" }));
    }

    [Test]
    public async Task A_second_of_the_same_name_is_refused()
    {
        await CreateAsync("guest");
        var second = await _host.XlAsync("create", "-q", _host.WriteSample("guest"));
        Assert.That(second.ExitCode, Is.Not.Zero);
        Assert.That(second.Errors, Does.Contain("\"guest\" already exists"));
    }

    private Task CreateAsync(string name) => _host.XlOutputAsync("create", "-q", _host.WriteSample(name));
}
