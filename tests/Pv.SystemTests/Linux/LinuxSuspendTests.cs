using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Linux;

/// <summary>Debian's Linux sleeps in memory and runs on; and a configuration that was replaced is what its restart has.</summary>
[TestFixture]
public sealed class LinuxSuspendTests
{
    [Test]
    public async Task It_sleeps_runs_on_and_restarts_as_it_was_told()
    {
        await using var host = await PvHost.StartAsync(memory: 1024);
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape(Memory: 128), "linux");
        await guest.RunAsync("echo kept > /tmp/kept; mkdir -p /tmp");

        await host.XlOutputAsync("suspend", "linux");
        var asleep = await host.FindAsync("linux");
        Assert.That(asleep.State, Is.EqualTo("---ss-"));
        Assert.That((await host.XlAsync("suspend", "linux")).ExitCode, Is.EqualTo(1), "it sleeps already");
        Assert.That((await host.XlAsync("shutdown", "linux")).Errors, Does.Contain("xl resume"));
        Assert.That((await host.FindAsync("linux")).Time, Is.EqualTo(asleep.Time));

        await host.XlOutputAsync("resume", "linux");
        Assert.That(await guest.RunAsync("uname"), Is.EqualTo("Linux\n"));
        Assert.That((await host.XlAsync("resume", "linux")).ExitCode, Is.EqualTo(1), "it does not sleep");
        await host.XlOutputAsync("suspend", "linux");
        await host.XlOutputAsync("resume", "linux");
        Assert.That(await guest.RunAsync("uname"), Is.EqualTo("Linux\n"));

        // The same file, which asks for more memory when the domain is built again.
        await host.XlOutputAsync(["config-update", "linux", .. LinuxGuest.Settings(new LinuxShape(Memory: 160), "linux")]);
        Assert.That((await host.FindAsync("linux")).Memory, Is.EqualTo(128));
        await host.XlOutputAsync("reboot", "-w", "linux");
        await guest.MeetAsync();
        Assert.That((await host.FindAsync("linux")).Memory, Is.EqualTo(160));

        await host.XlOutputAsync("shutdown", "-w", "linux");
        Assert.That(await guest.Console.ExitAsync(), Is.Zero);
    }
}
