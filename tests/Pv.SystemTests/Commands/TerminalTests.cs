using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Commands;

/// <summary>What is for people alone: progress and colour, at terminals and nowhere else.</summary>
[TestFixture]
[Platform("Linux")]
public sealed class TerminalTests
{
    private const string Red = "\u001b[31m", ClearLine = "\r\u001b[K";

    [Test]
    public async Task Colour_is_for_terminals_and_not_where_it_is_not_wanted()
    {
        await using var host = PvHost.Prepare();
        host.Variables["TERM"] = "xterm";
        var bad = host.WriteConfiguration("bad", "name=\"bad\"\nkernell=\"x\"\n");
        Assert.That((await host.XlAsync("validate", bad)).Output, Does.Not.Contain("\u001b"));
        await using (var seen = host.OpenXlAtTerminal("validate", bad))
        {
            Assert.That(await seen.ExitAsync(), Is.EqualTo(1));
            Assert.That(seen.Shown, Does.Contain($"{bad}:2:1: {Red}error:\u001b[0m kernell: unknown key; did you mean kernel?"));
        }
        host.Variables["NO_COLOR"] = "1";
        await using var plain = host.OpenXlAtTerminal("validate", bad);
        await plain.ExitAsync();
        Assert.That(plain.Shown, Does.Not.Contain("\u001b["));
    }

    [Test]
    public async Task Events_have_colours_and_waiting_shows_its_progress()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        host.Variables["TERM"] = "xterm";
        await using var events = host.OpenXlAtTerminal("events", "-n", "6");
        await events.ExpectAsync("Domain-0");
        await host.XlOutputAsync("create", "-q", host.WriteSample("guest"));
        await using (var console = host.OpenXl("console", "guest"))
        {
            await console.ExpectAsync("pv> ");
            // The kernel takes the request when it runs again.
            await host.XlOutputAsync("pause", "guest");
            await using var shutdown = host.OpenXlAtTerminal("shutdown", "-w", "guest");
            await using var piped = host.OpenXl("wait", "guest", "destroyed");
            await shutdown.ExpectAsync($"{ClearLine}Waiting for a kernel's answer ... ");
            await host.XlOutputAsync("unpause", "guest");
            Assert.That(await shutdown.ExitAsync(), Is.Zero);
            Assert.That(shutdown.Shown, Does.Contain($"{ClearLine}Waiting for 1 domains").And.Contain("Domain 1 has been shut down, reason code 0"));
            Assert.That((await piped.ExitAsync(), piped.Shown), Is.EqualTo((0, "")));
        }
        await events.ExpectAsync("\u001b[32mcreated\u001b[0m");
        await events.ExpectAsync("\u001b[33mshutdown\u001b[0m poweroff");
    }
}
