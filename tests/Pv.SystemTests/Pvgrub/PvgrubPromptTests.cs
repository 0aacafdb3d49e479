using System.Diagnostics;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Pvgrub;

/// <summary>Debian's pvgrub as a user meets it: created at a terminal, left, met again, destroyed.</summary>
[TestFixture]
public sealed class PvgrubPromptTests
{
    private const string Prompt = "grub> ";

    internal static string Kernel => $"kernel=\"{DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin")}\"";

    [Test]
    public async Task It_is_talked_with_left_and_met_again()
    {
        await using var host = await PvHost.StartAsync();
        var free = await host.FreeMemoryAsync();

        await using (var console = host.OpenXlAtTerminal("create", "-c", "examples/pvgrub.cfg", Kernel))
        {
            await console.ExpectAsync(Prompt);
            await console.AskAsync("help", "xen_ls [DIR]");
            await console.ExpectAsync(Prompt);
            await console.AskAsync("ls", "(memdisk)");
            await console.ExpectAsync(Prompt);
            await console.AskAsync("set", "grub_platform=xen");
            await console.ExpectAsync(Prompt);
            await console.AskAsync("echo hello", "\rhello");
            await console.ExpectAsync(Prompt);
            await console.SendAsync(Session.Escape);
            Assert.That(await console.ExitAsync(), Is.Zero);
        }

        await using (var console = host.OpenXlAtTerminal("console", "pvgrub"))
        {
            await console.ExpectAsync("GNU GRUB");
            await console.ExpectAsync("\rhello");
            await console.ExpectAsync(Prompt);
            await console.AskAsync("echo met again", "\rmet again");
            await console.SendAsync(Session.Escape);
            Assert.That(await console.ExitAsync(), Is.Zero);
        }

        var listed = await host.FindAsync("pvgrub");
        Assert.That((listed.Memory, listed.Vcpus), Is.EqualTo((64, 1)));
        Assert.That(listed.Time, Is.Positive);

        await host.XlOutputAsync("destroy", "pvgrub");
        Assert.That((await host.ListAsync()).Select(domain => domain.Name), Is.EqualTo(new[] { "Domain-0" }));
        Assert.That(await host.FreeMemoryAsync(), Is.EqualTo(free));
    }

    [Test]
    public async Task Its_prompt_is_idle()
    {
        await using var host = await PvHost.StartAsync();
        await using var console = host.OpenXl("create", "-c", "examples/pvgrub.cfg", Kernel);
        await console.ExpectAsync(Prompt);

        var time = (await host.FindAsync("pvgrub")).Time;
        var watch = Stopwatch.StartNew();
        ListedDomain then;
        do
            then = await host.FindAsync("pvgrub");
        while (watch.Elapsed < TimeSpan.FromSeconds(2));

        Assert.That(then.Time - time, Is.LessThan(watch.Elapsed.TotalSeconds / 2), $"seconds of the processor in {watch.Elapsed.TotalSeconds:F1}");
    }
}
