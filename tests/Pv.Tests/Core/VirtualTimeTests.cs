using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;

namespace Pv.Tests.Core;

/// <summary>Scheduling and timers in virtual time: one pCPU, whose guests' own turns move the clock.</summary>
[TestFixture]
internal sealed class VirtualTimeTests
{
    private const ulong Turn = 100_000, Second = 1_000_000_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Test]
    public void Weights_share_a_pcpu_and_runstates_add_up()
    {
        using var machine = new TestMachine(1200);
        using var begun = new ManualResetEventSlim();
        using var over = new ManualResetEventSlim();
        machine.Engine.Script = (ScriptedVcpu vcpu, ref GuestRegisters _) =>
        {
            begun.Wait();
            if (machine.Clock.Now >= 4 * Second)
            {
                over.Set();
                return vcpu.RestUntilKicked();
            }
            machine.Advance(Turn);
            return CpuExit.Preempted;
        };
        TestGuest[] guests = [new(machine, 1), new(machine, 1), new(machine, 1)];
        for (var i = 0; i < guests.Length; i++)
        {
            var weight = new DomctlSchedulerOp
            {
                Scheduler = SchedulerId.Credit2, Command = SchedulerCommand.PutInfo, Credit2 = new DomctlSchedCredit2 { Weight = (ushort)(128 << i) },
            };
            machine.ControlOrThrow(DomctlOperation.SchedulerOp, guests[i].Domain.Id, weight);
            // One vCPU each.
            guests[i].Caller.IsOnline = false;
            machine.ControlOrThrow(DomctlOperation.UnpauseDomain, guests[i].Domain.Id);
        }
        begun.Set();
        Assert.That(over.Wait(Patience));
        var ran = guests.Select(guest => (double)machine.Core.Scheduler.Snapshot(guest.Victim).Running).ToArray();
        Assert.That(ran[1] / ran[0], Is.EqualTo(2).Within(0.06));
        Assert.That(ran[2] / ran[0], Is.EqualTo(4).Within(0.12));
        foreach (var guest in guests)
        {
            var times = machine.Core.Scheduler.Snapshot(guest.Victim);
            Assert.That(times.Running + times.Runnable + times.Blocked + times.Offline, Is.EqualTo(machine.Clock.Now - guest.Domain.CreatedAt));
        }
        foreach (var guest in guests)
            machine.Destroy(guest.Domain);
    }

    [Test]
    public void A_poll_ends_by_its_port_or_by_its_time()
    {
        using var machine = new TestMachine();
        using var returned = new SemaphoreSlim(0);
        var guest = new TestGuest(machine, 1);
        var port = BindTimer(guest);
        guest.Victim.IsOnline = false;
        // SCHEDOP_poll on vCPU 1, whose argument pages are always there; each return is told.
        var calls = 0;
        machine.Engine.Script = (ScriptedVcpu vcpu, ref GuestRegisters registers) =>
        {
            if (vcpu.Id.Value == 0)
                return vcpu.RestUntilKicked();
            if (calls++ > 0)
                returned.Release();
            guest.Put(TestGuest.FrameListAddress, port);
            guest.Put(0, new SchedPoll { Ports = TestGuest.FrameListAddress, PortCount = 1, Timeout = machine.Clock.Now + Second });
            machine.Core.Memory.Bytes(guest.Domain.SharedInfo.Address + 0x800, 8).Clear();
            (registers.Rax, registers.Rdi, registers.Rsi) = ((ulong)HypercallNumber.SchedOp, (ulong)SchedOperation.Poll, 0);
            return CpuExit.Syscall;
        };
        machine.ControlOrThrow(DomctlOperation.UnpauseDomain, guest.Domain.Id);
        for (var i = 0; i < 20; i++)
        {
            Assert.That(SpinWait.SpinUntil(() => guest.Caller.IsBlocked, Patience));
            if (i % 2 == 0)
                machine.Advance(Second + 1);
            else
                guest.Domain.Events.RaiseVirq(VirtualIrq.Timer, new VcpuId(1));
            Assert.That(returned.Wait(Patience), $"poll {i}");
        }
        machine.Destroy(guest.Domain);

        static EventPort BindTimer(TestGuest guest)
        {
            guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindVirq,
                guest.Put(0, new EventChannelBindVirq { Virq = VirtualIrq.Timer, Vcpu = new VcpuId(1) }));
            return guest.Get<EventChannelBindVirq>(0).Port;
        }
    }

    [Test]
    public void Timers_raise_their_interrupt_when_they_are_due_and_not_before()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindVirq,
            guest.Put(0, new EventChannelBindVirq { Virq = VirtualIrq.Timer, Vcpu = new VcpuId(1) }));
        var port = guest.Get<EventChannelBindVirq>(0).Port;
        Assert.That(guest.Call(HypercallNumber.SetTimerOp, machine.Clock.Now + 5000), Is.Zero);
        machine.Advance(4999);
        Assert.That(TookPending(), Is.False);
        machine.Advance(1);
        Assert.That(TookPending());
        machine.Advance(Second);
        Assert.That(TookPending(), Is.False, "it fires once");
        Assert.That(guest.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.SetPeriodicTimer, 1, guest.Put(0, new VcpuSetPeriodicTimer { Period = 1_000_000 })), Is.Zero);
        machine.Advance(2_000_000);
        Assert.That(TookPending(), Is.False, "a vCPU that no pCPU runs does not tick");
        guest.Caller.Timers.BeginRunning();
        Assert.That(TookPending(), "the tick that it missed");
        for (var i = 0; i < 5; i++)
        {
            machine.Advance(999_999);
            Assert.That(TookPending(), Is.False);
            machine.Advance(1);
            Assert.That(TookPending());
        }
        Assert.That(guest.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.StopPeriodicTimer, 1), Is.Zero);
        Assert.That(guest.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.SetPeriodicTimer, 1, guest.Put(0, new VcpuSetPeriodicTimer { Period = 1000 })),
            Is.EqualTo(-(long)Errno.EINVAL));
        var past = new VcpuSetSingleShotTimer { Timeout = 1, Flags = SingleShotTimerFlags.Future };
        Assert.That(guest.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.SetSingleShotTimer, 1, guest.Put(0, past)), Is.Zero);
        machine.Advance(0);
        Assert.That(TookPending(), "a time that is past comes at once, whatever the flag asks");
        machine.Destroy(guest.Domain);

        bool TookPending()
        {
            var pending = guest.Domain.Events.IsPending(port);
            machine.Core.Memory.Bytes(guest.Domain.SharedInfo.Address + 0x800, 8).Clear();
            return pending;
        }
    }

    [Test]
    public void A_timer_that_is_set_for_ever_again_does_not_fill_the_heap()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        for (var i = 0ul; i < 100_000; i++)
            guest.Call(HypercallNumber.SetTimerOp, Second * 1000 + i);
        Assert.That(machine.Core.Timekeeper.Length, Is.LessThan(1000));
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void The_clock_page_relates_the_counter_to_system_time()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        ref var time = ref guest.Caller.Info.Time;
        var tsc = 123_456_789ul;
        var shifted = time.TscShift >= 0 ? tsc - time.TscTimestamp << time.TscShift : tsc - time.TscTimestamp >> -time.TscShift;
        var nanoseconds = time.SystemTime + (ulong)((UInt128)shifted * time.TscToSystemMultiplier >> 32);
        Assert.That((nanoseconds, time.Version % 2), Is.EqualTo((tsc, 0u)));
        machine.Destroy(guest.Domain);
    }
}
