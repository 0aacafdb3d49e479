using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Linux;

/// <summary>The processor that Linux sees is the one that the configuration says.</summary>
[TestFixture]
public sealed class LinuxProcessorTests
{
    [Test]
    public async Task Has_the_names_and_lacks_the_flags_of_the_configuration()
    {
        await using var host = await PvHost.StartAsync(512);
        await using var linux = await LinuxGuest.StartAsync(host, new LinuxShape(), "linux", "cpuid=\"host,sse4_1=0,sse4_2=0,popcnt=0,stepping=7\"", "tsc_mode=\"native\"", "driver_domain=1");
        var shown = await linux.RunAsync("cat /proc/cpuinfo");
        Assert.That(shown, Does.Match(@"(?m)^stepping\s*: 7$").And.Match(@"(?m)^flags.* ssse3 "));
        Assert.That(shown, Does.Not.Contain("sse4").And.Not.Contain("popcnt"));
        await host.XlOutputAsync("debug-keys", "s");
        Assert.That(await host.XlOutputAsync("dmesg"), Does.Contain("dom1: mode=2,khz=1000000,inc=1"));
    }
}
