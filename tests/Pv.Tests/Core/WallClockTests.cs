using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Core;

/// <summary>The wall clock that a domain sees.</summary>
[TestFixture]
internal sealed class WallClockTests
{
    [TestCase(0L)]
    [TestCase(3600L)]
    [TestCase(-7200L)]
    [TestCase(5_000_000_000L)]
    public void Is_off_the_hosts_by_what_the_toolstack_says(long seconds)
    {
        using var machine = new TestMachine(1200);
        var domain = machine.CreateDomain(16);
        machine.ControlOrThrow(DomctlOperation.SetTimeOffset, domain.Id, new DomctlSetTimeOffset { OffsetSeconds = seconds });
        ref var shared = ref machine.Core.Memory.At<SharedInfo>(domain.SharedInfo.Address);
        var shown = ((long)shared.WallClockSecondsHigh << 32) + shared.WallClockSeconds;
        Assert.That(shown, Is.EqualTo((long)(machine.Clock.BootWallClock / 1_000_000_000) + seconds));
        Assert.That(shared.WallClockVersion % 2, Is.Zero);
    }
}
