using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Runs;

/// <summary><c>xl wait</c>, <c>xl logs</c> and <c>xl events</c> on C# guests.</summary>
[TestFixture]
public sealed class WaitingTests
{
    private PvHost _host = null!;

    [SetUp]
    public async Task StartAsync() => _host = await PvHost.StartAsync(memory: 256);

    [TearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    private async Task TypeAsync(string guest, string line)
    {
        await using var console = _host.OpenXl("console", guest);
        await console.ExpectAsync("pv> ");
        await console.SendAsync(line + "\r");
        await console.ExpectAsync(line);
    }

    private static Task UntilAtWorkAsync(Session xl) => PvHost.UntilAsync(() => Task.FromResult(Processes.TakesSignals(xl.ProcessId)));

    [Test]
    public async Task A_state_is_waited_for_from_before_there_is_a_domain_to_its_end()
    {
        await using var exists = _host.OpenXl("wait", "guest", "exists");
        await using var paused = _host.OpenXl("wait", "-t", "2m", "guest", "paused");
        await _host.XlOutputAsync("create", "-q", "-p", _host.WriteSample("guest", more: "on_crash=\"preserve\""));
        Assert.That((await exists.ExitAsync(), await paused.ExitAsync()), Is.EqualTo((0, 0)));
        await _host.XlOutputAsync("wait", "guest", "paused");

        await using var running = _host.OpenXl("wait", "guest", "running");
        await using var crash = _host.OpenXl("wait", "guest", "crash");
        await using var powerOff = _host.OpenXl("wait", "1", "poweroff");
        await using var gone = _host.OpenXl("wait", "guest", "destroyed");
        foreach (var waiting in (Session[])[running, crash, powerOff, gone])
            await UntilAtWorkAsync(waiting);
        Assert.That((await _host.XlAsync("wait", "-t", "0.2", "guest", "running")).ExitCode, Is.EqualTo(124));
        await _host.XlOutputAsync("unpause", "guest");
        Assert.That(await running.ExitAsync(), Is.Zero);
        await TypeAsync("guest", "crash now");
        Assert.That(await crash.ExitAsync(), Is.Zero);
        await _host.XlOutputAsync("destroy", "guest");
        Assert.That(await gone.ExitAsync(), Is.Zero);
        Assert.That((await powerOff.ExitAsync(), powerOff.Shown), Is.EqualTo((1, "Domain 1 shut down (crash) and has gone, and cannot come to the state poweroff any more.\n")));

        await _host.XlOutputAsync("wait", "guest", "destroyed");
        await _host.XlOutputAsync("wait", "guest", "shutdown");
        Assert.That((await _host.XlAsync("wait", "guest", "crash")).ExitCode, Is.EqualTo(1));
        Assert.That((await _host.XlAsync("wait", "guest", "happy")).ExitCode, Is.EqualTo(2));
    }

    [Test]
    public async Task An_interrupt_ends_the_waiting()
    {
        await _host.XlOutputAsync("list");
        await using var events = _host.OpenXl("events");
        await events.ExpectAsync("Domain-0");
        await using var wait = _host.OpenXl("wait", "guest", "exists");
        // It takes signals once it has talked with pvd; until then they end it as any program.
        await UntilAtWorkAsync(wait);
        Command.Run("kill", ["-INT", $"{wait.ProcessId}"], _host.Folder);
        Assert.That(await wait.ExitAsync(), Is.EqualTo(130));
        Command.Run("kill", ["-INT", $"{events.ProcessId}"], _host.Folder);
        Assert.That(await events.ExitAsync(), Is.Zero);
    }

    [Test]
    public async Task What_happens_is_told_in_its_order()
    {
        // Of a domain that is to come nothing is shown: that it is listened for is seen by one that has its name before.
        await _host.XlOutputAsync("create", "-q", "-p", _host.WriteSample("other"));
        await using var people = _host.OpenXl("events", "other");
        await people.ExpectAsync("exists");
        await _host.XlOutputAsync("destroy", "other");
        await people.ExpectAsync("destroyed\n");
        await using var events = _host.OpenXl("events", "--json", "-n", "12");
        await events.ExpectAsync("Domain-0");
        await _host.XlOutputAsync("create", "-q", "-p", _host.WriteSample("guest"));
        await _host.XlOutputAsync("unpause", "guest");
        await _host.XlOutputAsync("pause", "guest");
        await _host.XlOutputAsync("pause", "guest");
        await _host.XlOutputAsync("unpause", "guest");
        await _host.XlOutputAsync("unpause", "guest");
        await _host.XlOutputAsync("rename", "guest", "other");
        await people.ExpectAsync("renamed from=guest\n");
        await TypeAsync("other", "reboot");
        await people.ExpectAsync("shutdown reboot\n");
        await people.ExpectAsync("restarted from=2\n");
        await _host.XlOutputAsync("destroy", "other");
        await people.ExpectAsync("destroyed\n");
        Assert.That(await events.ExitAsync(), Is.Zero);

        var told = events.Shown.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(JObject.Parse).ToArray();
        Assert.That(told.Select(one => $"{one["event"]} {one["domid"]} {one["name"]} {one["reason"]}{one["from"]}".TrimEnd()).Where(one => !one.StartsWith("device", StringComparison.Ordinal)),
            Is.EqualTo(new[]
            {
                "exists 0 Domain-0", "created 2 guest", "paused 2 guest", "running 2 guest", "paused 2 guest", "running 2 guest", "renamed 2 other guest",
                "shutdown 2 other reboot", "destroyed 2 other", "created 3 other", "running 3 other", "restarted 3 other 2",
            }.Take(told.Count(one => $"{one["event"]}" != "device"))));
        Assert.That(told.Select(one => DateTimeOffset.Parse($"{one["time"]}")), Is.Ordered);
    }

    [Test]
    public async Task Devices_come_and_go()
    {
        var disk = Path.Combine(_host.Folder, "disk.raw");
        await File.WriteAllBytesAsync(disk, new byte[1 << 20]);
        await using var events = _host.OpenXl("events", "-j");
        await events.ExpectAsync("Domain-0");
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest", more: $"disk=['{disk},raw,xvda,rw']"));
        await events.ExpectAsync("\"device\":\"vbd/51712\",\"state\":\"connected\"");
        await _host.XlOutputAsync("destroy", "guest");
        await events.ExpectAsync("\"event\":\"destroyed\"");
    }

    [Test]
    public async Task A_reader_that_comes_when_pvd_has_said_all_gets_all()
    {
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest"));
        await _host.XlOutputAsync("destroy", "guest");
        var log = Path.Combine(_host.Folder, "1", "console.log");
        await File.AppendAllTextAsync(log, new string('x', 180_000));
        await using var shell = _host.OpenShell("exec bash -o pipefail -c '\"$1\" logs guest | (sleep 1; wc -c)' bash \"$1\"");
        Assert.That((await shell.ExitAsync(), shell.Shown), Is.EqualTo((0, $"{new FileInfo(log).Length}\n")));
    }

    [Test]
    public async Task The_log_of_a_console_is_read_while_it_grows_and_after_its_end()
    {
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest"));
        await using var follow = _host.OpenXl("logs", "-f", "guest");
        await follow.ExpectAsync("pv> ");
        await TypeAsync("guest", "echo first boot");
        await follow.ExpectAsync("\nfirst boot");
        Assert.That(await _host.XlOutputAsync("logs", "guest"), Does.Contain("Pv shell on domain 1").And.Contain("\nfirst boot"));
        await TypeAsync("guest", "reboot");
        await follow.ExpectAsync("Pv shell on domain 2");
        await TypeAsync("guest", "crash it");
        await _host.XlOutputAsync("wait", "2", "destroyed");
        Assert.That(await follow.ExitAsync(), Is.Zero);

        Assert.That(await _host.XlOutputAsync("logs", "guest"), Does.Contain("Pv shell on domain 2").And.Contain("crash it"));
        Assert.That(await _host.XlOutputAsync("logs", "1"), Does.Contain("\nfirst boot"));
        var none = await _host.XlAsync("logs", "nobody");
        Assert.That((none.ExitCode, none.Errors), Is.EqualTo((1, "There is no domain nobody, and none of the last that have ended was called so.\n")));
    }
}
