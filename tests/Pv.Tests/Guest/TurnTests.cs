using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class TurnTests
{
    [Test]
    public void Main_runs_in_the_first_turn_and_its_end_powers_off()
    {
        var ran = false;
        using var guest = new GuestHarness(_ =>
        {
            ran = true;
            return Task.CompletedTask;
        });
        Assert.That(ran, Is.False);
        Assert.That(guest.Run(), Is.EqualTo(TurnOutcome.Idle));
        Assert.That(ran, Is.True);
        Assert.That(guest.Gate.Shutdown, Is.EqualTo(ShutdownReason.PowerOff));
    }

    [Test]
    public void Nothing_runs_after_a_shutdown()
    {
        var after = false;
        using var guest = new GuestHarness(async context =>
        {
            context.Spawn(async () =>
            {
                await context.Yield();
                after = true;
            });
            await context.ShutdownAsync(ShutdownReason.Reboot);
        });
        guest.Run();
        guest.Run();
        Assert.That(guest.Gate.Shutdown, Is.EqualTo(ShutdownReason.Reboot));
        Assert.That(after, Is.False);
    }

    [Test]
    public void Tasks_take_turns_at_yields()
    {
        var order = "";
        using var guest = new GuestHarness(async context =>
        {
            context.Spawn(() => Write("a"));
            await Write("b");

            async Task Write(string name)
            {
                for (var i = 0; i < 3; i++)
                {
                    order += name;
                    await context.Yield();
                }
            }
        });
        // A yield gives the vCPU back, too.
        while (guest.Run() == TurnOutcome.Yielded)
            Assert.That(order, Has.Length.LessThan(7));
        Assert.That(order, Is.EqualTo("ababab"));
    }

    [Test]
    public void A_poll_goes_on_until_the_hypervisor_wants_the_pcpu()
    {
        var rounds = 0;
        using var polling = new GuestHarness(async context =>
        {
            while (rounds < 1000)
            {
                rounds++;
                await context.Poll();
            }
        });
        polling.Gate.YieldRequested = true;
        Assert.That(polling.Run(), Is.EqualTo(TurnOutcome.Yielded));
        Assert.That(rounds, Is.EqualTo(1));
        polling.Gate.YieldRequested = false;
        Assert.That(polling.Run(), Is.EqualTo(TurnOutcome.Idle));
        Assert.That(rounds, Is.EqualTo(1000));
    }

    [Test]
    public void A_task_of_the_library_comes_back_to_the_turns()
    {
        SynchronizationContext? inside = null, after = null;
        using var guest = new GuestHarness(async _ =>
        {
            var source = new TaskCompletionSource();
            inside = SynchronizationContext.Current;
            var waiter = WaitAsync(source.Task);
            source.SetResult();
            await waiter;
        });
        guest.Run();
        Assert.That(inside, Is.InstanceOf<TurnQueue>());
        Assert.That(after, Is.SameAs(inside));
        Assert.That(SynchronizationContext.Current, Is.Not.InstanceOf<TurnQueue>(), "the thread is the hypervisor's again");

        async Task WaitAsync(Task task)
        {
            await task;
            after = SynchronizationContext.Current;
        }
    }

    [Test]
    public void A_wait_that_became_a_task_comes_back_to_the_turns()
    {
        var ran = false;
        EventChannel? channel = null;
        using var guest = new GuestHarness(async context =>
        {
            channel = context.Events.AllocUnbound(DomId.Dom0);
            await Task.WhenAny(channel.WaitAsync().AsTask(), context.Delay(TimeSpan.FromSeconds(1)));
            ran = true;
        });
        guest.Run();
        guest.Gate.Raise(channel!.Port.Value);
        guest.Run();
        Assert.That(guest.Gate.CrashReason, Is.Null);
        Assert.That(ran, Is.True);
    }

    [Test]
    public async Task A_continuation_from_another_thread_crashes_the_domain()
    {
        var foreign = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var continued = false;
        using var guest = new GuestHarness(async _ =>
        {
            await foreign.Task;
            continued = true;
        });
        guest.Run();
        await Task.Run(foreign.SetResult);
        guest.Run();
        Assert.That(guest.Gate.CrashReason, Does.Contain("a thread that does not run this guest's turns"));
        Assert.That(guest.Gate.CrashReason, Does.Contain(nameof(A_continuation_from_another_thread_crashes_the_domain)), "the method is named");
        Assert.That(continued, Is.False);
    }

    [Test]
    public async Task A_hypercall_from_another_thread_crashes_the_domain()
    {
        GuestContext? kept = null;
        using var guest = new GuestHarness(context =>
        {
            kept = context;
            return new TaskCompletionSource().Task;
        });
        guest.Run();
        var stray = await Task.Run(() => Assert.Throws<TurnException>(() => kept!.Hypercalls.XenVersion()));
        Assert.That(stray!.Message, Does.Contain("does not run this guest's turns"));
        Assert.That(guest.Gate.CrashReason, Is.EqualTo(stray.Message));
    }

    [Test]
    public void An_exception_of_any_task_escapes_and_is_the_consoles_last_word([Values] bool fromMain)
    {
        using var guest = new GuestHarness(async context =>
        {
            if (!fromMain)
                context.Spawn(FailAsync);
            await context.Yield();
            if (fromMain)
                await FailAsync();
            await new TaskCompletionSource().Task;

            async Task FailAsync()
            {
                await context.Yield();
                throw new InvalidDataException("the matter with it");
            }
        });
        Assert.That(RunToEnd, Throws.InstanceOf<InvalidDataException>().With.Message.EqualTo("the matter with it"));
        Assert.That(guest.TakeOutput(), Does.Contain("The kernel crashed: InvalidDataException: the matter with it"));

        void RunToEnd()
        {
            while (guest.Run() == TurnOutcome.Yielded)
            {
                // Until it throws.
            }
        }
    }

    [Test]
    public void A_delay_waits_for_the_timer_and_earlier_ones_come_first()
    {
        var order = "";
        using var guest = new GuestHarness(async context =>
        {
            context.Spawn(() => After(300, "c"));
            context.Spawn(() => After(100, "a"));
            context.Spawn(() => After(200, "b"));
            await After(400, "d");

            async Task After(int milliseconds, string name)
            {
                await context.Delay(TimeSpan.FromMilliseconds(milliseconds));
                order += name;
            }
        });
        Assert.That(guest.Run(), Is.EqualTo(TurnOutcome.Idle));
        foreach (var expected in new[] { "", "a", "ab", "abc", "abcd" })
        {
            Assert.That(order, Is.EqualTo(expected));
            guest.Machine.Now += 100_000_000;
            guest.Gate.RunTimer();
            guest.Run();
        }
        Assert.That(guest.Gate.Shutdown, Is.EqualTo(ShutdownReason.PowerOff));
    }

    [Test]
    public void The_clock_reads_what_the_hypervisor_wrote()
    {
        ulong now = 0;
        string? line = null;
        using var guest = new GuestHarness(context =>
        {
            now = context.Clock.Now;
            line = context.CommandLine;
            return Task.CompletedTask;
        });
        guest.Machine.Now = 5_000_000_123;
        guest.Run();
        Assert.That(now, Is.EqualTo(5_000_000_123));
        Assert.That(line, Is.EqualTo("one two=2"));
    }

    [TestCase(0UL, 1000UL, ExpectedResult = 7_000UL, Description = "a counter behind the stamp stands still")]
    [TestCase(3_000UL, 1000UL, ExpectedResult = 8_000UL)]
    [TestCase(ulong.MaxValue / 4, 0UL, ExpectedResult = 7_000 + (ulong.MaxValue / 8))]
    public ulong System_time_follows_the_header(ulong tsc, ulong stamp)
        => GuestClock.SystemTime(new VcpuTimeInfo { TscTimestamp = stamp, SystemTime = 7_000, TscToSystemMultiplier = 1u << 31, TscShift = 0 }, tsc);
}
