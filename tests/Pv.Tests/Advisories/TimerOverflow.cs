using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-20. Deadlines and periods so far ahead, or so short, that their sums come round and the machine is busy with one guest's timer.</summary>
[TestFixture]
internal sealed class TimerOverflow : AdvisoryFixture
{
    private static readonly ulong[] Times = [0, 1, 1ul << 32, long.MaxValue - 1, long.MaxValue, 1ul << 63, ulong.MaxValue - 1, ulong.MaxValue];

    [TestCaseSource(nameof(Times))]
    public void Any_time_ends_in_few_timers_and_fires_seldom(ulong time)
    {
        for (var i = 0; i < 500; i++)
        {
            Vcpu(VcpuOperation.SetSingleShotTimer, 1, new VcpuSetSingleShotTimer { Timeout = time });
            Attacker.Call(HypercallNumber.SetTimerOp, time);
            Vcpu(VcpuOperation.SetPeriodicTimer, 0, new VcpuSetPeriodicTimer { Period = time });
            Call(HypercallNumber.SchedOp, (ulong)SchedOperation.Watchdog, new SchedWatchdog { Timeout = (uint)time });
        }
        Assert.That(Machine.Core.Timekeeper.Length, Is.LessThan(200));
        // Not for ever in the past.
        Machine.Advance(1_000_000);
        Assert.That(Machine.Core.Timekeeper.NextDeadline ?? ulong.MaxValue, Is.GreaterThan(Machine.Clock.Now));
    }

    [Test]
    public void A_period_too_short_or_too_long_is_refused()
    {
        foreach (var period in new[] { 0ul, 1ul, 999_999ul, (ulong.MaxValue >> 2) + 1, 1ul << 63, ulong.MaxValue })
            AssertRefused(Errno.EINVAL, () => Vcpu(VcpuOperation.SetPeriodicTimer, 1, new VcpuSetPeriodicTimer { Period = period }), $"{period}");
    }
}
