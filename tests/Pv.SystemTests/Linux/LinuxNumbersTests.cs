using System.Runtime.Intrinsics.X86;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Linux;

/// <summary>What a guest's programs compute with vectors and floating-point numbers.</summary>
[TestFixture]
public sealed class LinuxNumbersTests
{
    [Test]
    public async Task Come_out_as_on_the_host()
    {
        if (!Sse42.IsSupported)
            Assert.Ignore("This host has no SSE4.2 to compare with.");
        var expected = Command.Run(LinuxFiles.Compile("numbers"), [], Path.GetTempPath());
        Assert.That(expected.ExitCode, Is.Zero, expected.Errors);
        await using var host = await PvHost.StartAsync(1024);
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape());
        Assert.That(await guest.RunAsync("grep -c 'sse .*sse2 .*pni .*ssse3 .*sse4_1 sse4_2' /proc/cpuinfo"), Is.EqualTo("1\n"));
        Assert.That(await guest.RunAsync("numbers"), Is.EqualTo(expected.Output));
    }
}
