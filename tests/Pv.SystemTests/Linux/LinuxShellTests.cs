using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Linux;

/// <summary>A shell of a Linux guest: the console as people use it.</summary>
[TestFixture]
public sealed class LinuxShellTests
{
    [Test]
    public async Task Commands_answer_with_output_and_status()
    {
        await using var host = await PvHost.StartAsync(1024);
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape());
        Assert.That(await guest.RunAsync("hostname"), Is.EqualTo("linux\n"));
        Assert.That(await guest.TryAsync("cat /proc/cmdline; false"), Is.EqualTo((1, "console=hvc0\n")));
    }
}
