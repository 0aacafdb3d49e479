using NUnit.Framework;
using Pv.Hypervisor.Stepping;

namespace Pv.Tests.Determinism;

/// <summary>Threads in turns: who waits, who goes on, and what is said when nobody can.</summary>
[TestFixture]
internal sealed class StepperTests
{
    [Test]
    public void A_deadlock_is_told_with_who_waits_for_what()
    {
        var search = new SeedSearch((stepper, _) =>
        {
            var (left, right) = (new CoreLock(stepper, "left"), new CoreLock(stepper, "right"));
            stepper.Start("one", () => TakeBoth(left, right));
            stepper.Start("other", () => TakeBoth(right, left));
            stepper.Run(() => false, 1_000_000);
            var blocked = string.Join("; ", stepper.Blocked);
            stepper.Abandon();
            return blocked.Length == 0 ? null : blocked;
        });
        var report = search.Run(1, 60);
        Assert.That(report.Failures, Has.Count.InRange(5, 55), "some seeds find it, and some do not");
        Assert.That(report.Failures[0].Reason, Is.EqualTo(
            "one waits for the lock of right, which other holds; other waits for the lock of left, which one holds"));

        static void TakeBoth(CoreLock first, CoreLock second)
        {
            for (var i = 0; i < 5; i++)
            {
                using (first.Hold())
                using (second.Hold())
                    Assert.That(first.IsHeldByCurrentThread && second.IsHeldByCurrentThread);
            }
        }
    }

    [Test]
    public void Time_jumps_to_what_is_waited_for_when_nobody_can_go_on()
    {
        var stepper = new Stepper(1);
        var signal = new CoreSignal(stepper);
        List<(string, ulong)> seen = [];
        stepper.Start("sleeper", () =>
        {
            Assert.That(signal.Wait(5_000_000_000), Is.False);
            seen.Add(("late", stepper.Clock.Now));
            Assert.That(signal.Wait(5_000_000_000), Is.True);
            seen.Add(("set", stepper.Clock.Now));
        });
        Assert.That(stepper.Run(() => seen.Count == 1, 10_000_000_000));
        signal.Set();
        Assert.That(stepper.Run(() => seen.Count == 2, 10_000_000_000));
        Assert.That(seen, Is.EqualTo(new[] { ("late", 5_000_000_001ul), ("set", 5_000_000_001ul) }));
        Assert.That(stepper.RunUntilQuiet(1_000), "all have ended");
        Assert.That(stepper.Failures, Is.Empty);
        stepper.End();
    }

    [Test]
    public void A_wait_for_what_nobody_does_is_no_wait_for_ever()
    {
        var stepper = new Stepper(1);
        var signal = new CoreSignal(stepper);
        var stuck = Assert.Throws<MachineStuckException>(() => signal.Wait());
        Assert.That(stuck!.Message, Does.StartWith("Nobody can go on"));
        stepper.End();
    }

    [Test]
    public void A_thread_that_is_not_of_the_machine_is_refused()
    {
        var stepper = new Stepper(1);
        InvalidOperationException? refused = null;
        var stranger = new Thread(() => refused = Assert.Throws<InvalidOperationException>(stepper.Point)) { Name = "stranger" };
        stranger.Start();
        stranger.Join();
        Assert.That(refused!.Message, Is.EqualTo("The thread \"stranger\" entered a deterministic machine out of its turn."));
        stepper.End();
    }

    [Test]
    public void A_thread_that_runs_in_a_circle_is_named()
    {
        var stepper = new Stepper(1) { MostPoints = 10_000 };
        stepper.Start("circle", () =>
        {
            while (true)
                stepper.Point();
        });
        var stuck = Assert.Throws<MachineStuckException>(() => stepper.Run(() => false, ulong.MaxValue >> 1));
        Assert.That(stuck!.Message, Is.EqualTo("After 10000 points there is no end of it: circle had the turn."));
        stepper.Abandon();
        stepper.End();
    }
}
