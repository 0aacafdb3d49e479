using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>XSA-221. A poll of a list that is empty, too long, not there, or of ports that are not.</summary>
[TestFixture]
internal sealed class PollListBounds : AdvisoryFixture
{
    [Test]
    public void A_list_that_is_wrong_is_refused_and_nobody_waits()
    {
        Attacker.Put(0x800, new EventPort(1));
        foreach (var (list, count, error) in new[]
        {
            (0x800ul, 1u, Errno.EINVAL), (0x800ul, 129u, Errno.EINVAL), (0x800ul, uint.MaxValue, Errno.EINVAL), (0x40_0000ul, 1u, Errno.EFAULT),
            (0x1ff8ul, 128u, Errno.EFAULT), (XenVirtualMemory.Start, 1u, Errno.EFAULT), (ulong.MaxValue, 4u, Errno.EFAULT),
        })
        {
            AssertRefused(error, () => Call(HypercallNumber.SchedOp, (ulong)SchedOperation.Poll, new SchedPoll { Ports = list, PortCount = count }), $"{list:x} {count}");
            Assert.That((Attacker.Caller.PolledPort, Attacker.Caller.IsPolling), Is.EqualTo((0, false)));
        }
        foreach (var port in new[] { 0u, 64u, 128u, 131072u, 0x8000_0000u, uint.MaxValue })
        {
            Attacker.Put(0x800, port);
            AssertRefused(Errno.EINVAL, () => Call(HypercallNumber.SchedOp, (ulong)SchedOperation.Poll, new SchedPoll { Ports = 0x800, PortCount = 1 }), $"{port}");
        }
    }

    [Test]
    public void An_empty_list_waits_for_its_time_alone()
    {
        Attacker.Put(0, new SchedPoll { Ports = ulong.MaxValue, PortCount = 0, Timeout = Machine.Clock.Now + 5 });
        var registers = new HypercallRegisters((ulong)HypercallNumber.SchedOp, (ulong)SchedOperation.Poll, 0);
        Assert.That(Enter(ref registers).Outcome, Is.EqualTo(HypercallOutcome.Block));
        Assert.That(Attacker.Caller.PollIsOver(), Is.False);
        Machine.Advance(10);
        Assert.That(Attacker.Caller.PollIsOver());
        Attacker.Caller.EndPoll();
    }

    [Test]
    public void A_port_that_is_closed_while_it_is_polled_leaves_a_poll_that_ends()
    {
        Assert.That(Events(EventChannelOperation.BindIpi, new EventChannelBindIpi()), Is.Zero);
        var port = Attacker.Get<EventChannelBindIpi>(0).Port;
        Attacker.Put(0x800, port);
        Attacker.Put(0, new SchedPoll { Ports = 0x800, PortCount = 1, Timeout = Machine.Clock.Now + 5 });
        var registers = new HypercallRegisters((ulong)HypercallNumber.SchedOp, (ulong)SchedOperation.Poll, 0);
        Assert.That(Enter(ref registers).Outcome, Is.EqualTo(HypercallOutcome.Block));
        Assert.That(Attacker.Domain.Events.Close(port), Is.EqualTo(Errno.None));
        Assert.That(Attacker.Domain.Events.Reset(goesOn: false), Is.EqualTo(Errno.None));
        Machine.Advance(10);
        Assert.That(Attacker.Caller.PollIsOver());
        Attacker.Caller.EndPoll();
    }
}
