using System.Globalization;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Linux;

/// <summary>What time it is in a guest.</summary>
[TestFixture]
public sealed class LinuxClockTests
{
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(1);

    [Test]
    public async Task Is_the_hosts_but_for_what_the_configuration_says()
    {
        await using var host = await PvHost.StartAsync(512);
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape(), "linux", "rtc_timeoffset=\"-7200\"");
        var shown = DateTimeOffset.FromUnixTimeSeconds(long.Parse(await guest.RunAsync("date +%s"), CultureInfo.InvariantCulture));
        Assert.That(shown, Is.EqualTo(DateTimeOffset.UtcNow.AddHours(-2)).Within(Late));
    }
}
