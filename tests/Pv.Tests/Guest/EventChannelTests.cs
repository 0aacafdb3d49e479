using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class EventChannelTests
{
    private FakeMachine _machine = null!;
    private FakeGate _gate = null!;
    private EventChannels _events = null!;

    [SetUp]
    public void SetUp()
    {
        _machine = new FakeMachine();
        _gate = _machine[0];
        _events = new EventChannels(Hypercalls.ForDom0(_gate), new SharedInfoPage(_gate.Page(FakeGate.SharedInfoFrame)));
    }

    [TearDown]
    public void TearDown() => _machine.Dispose();

    [Test]
    public void An_event_goes_to_its_ports_handler_once()
    {
        var counts = new int[3];
        var channels = counts.Select((_, i) => _events.AllocUnbound(new DomId(1), () => counts[i]++)).ToArray();
        _gate.Raise(channels[1].Port.Value);
        _gate.Raise(channels[1].Port.Value);
        _events.Deliver();
        _events.Deliver();
        Assert.That(counts, Is.EqualTo(new[] { 0, 1, 0 }));
    }

    [Test]
    public void An_event_from_before_the_channel_was_adopted_is_delivered()
    {
        var port = _gate.Connect(_machine[1]);
        _gate.Raise(port);
        _events.Deliver();
        var count = 0;
        _events.Adopt(new EventPort(port), () => count++);
        _events.Deliver();
        Assert.That(count, Is.EqualTo(1));
    }

    [Test]
    public void A_masked_channel_keeps_its_event_until_it_is_unmasked()
    {
        var count = 0;
        var channel = _events.AllocUnbound(new DomId(1), () => count++);
        channel.Mask();
        _gate.Raise(channel.Port.Value);
        _events.Deliver();
        Assert.That(count, Is.Zero);
        _machine.Calls.Clear();
        channel.Unmask();
        Assert.That(_machine.Calls, Is.EqualTo(new[] { HypercallNumber.EventChannelOp }), "the hypervisor delivers what is pending");
        _events.Deliver();
        Assert.That(count, Is.EqualTo(1));
        _machine.Calls.Clear();
        channel.Mask();
        channel.Unmask();
        Assert.That(_machine.Calls, Is.Empty, "nothing was pending");
    }

    [Test]
    public async Task A_wait_takes_an_event_that_came_before_and_ends_with_the_channel()
    {
        var channel = _events.AllocUnbound(new DomId(1));
        _gate.Raise(channel.Port.Value);
        _events.Deliver();
        Assert.That(await channel.WaitAsync(), Is.True);
        var waiting = channel.WaitAsync();
        Assert.That(waiting.IsCompleted, Is.False);
        channel.Dispose();
        Assert.That(await waiting, Is.False);
        Assert.That(await channel.WaitAsync(), Is.False);
    }

    [Test]
    public void A_closed_port_can_be_had_again_and_is_heard()
    {
        var count = 0;
        var channel = _events.AllocUnbound(new DomId(1), () => count++);
        channel.Dispose();
        channel.Dispose();
        var again = _events.Adopt(channel.Port, () => count += 10);
        _gate.Raise(again.Port.Value);
        _events.Deliver();
        Assert.That(count, Is.EqualTo(10));
    }

    [Test]
    public void Ports_beyond_the_first_words_are_delivered()
    {
        var count = 0;
        var channel = _events.Adopt(new EventPort(4095), () => count++);
        _gate.Raise(channel.Port.Value);
        _events.Deliver();
        Assert.That(count, Is.EqualTo(1));
    }

    [Test]
    public async Task Dom0_delivers_on_the_pool_and_outlives_a_handler_that_throws()
    {
        using var machine = new FakeMachine();
        machine[0].PutStart();
        var failures = new List<string>();
        var dom0 = new Dom0Kernel(machine[0], (channel, failure) => failures.Add($"{channel.Port}: {failure.Message}"));
        machine[0].Upcall += dom0.Upcall;
        var bad = dom0.Events.AllocUnbound(new DomId(1), () => throw new InvalidDataException("no"));
        var good = dom0.Events.AllocUnbound(new DomId(1));
        for (var round = 0; round < 1000; round++)
        {
            var waiting = good.WaitAsync();
            machine[0].Raise(bad.Port.Value);
            machine[0].Raise(good.Port.Value);
            Assert.That(await waiting, Is.True);
        }
        Assert.That(failures, Is.Not.Empty);
        Assert.That(failures, Has.All.EqualTo($"{bad.Port}: no"));
    }

    [Test]
    public void Two_guests_meet_over_an_unbound_port()
    {
        var guests = new EventChannels(
            Hypercalls.ForDom0(new ForeignGate(_machine[1])), new SharedInfoPage(_machine[1].Page(FakeGate.SharedInfoFrame)));
        int here = 0, there = 0;
        var offered = _events.AllocUnbound(new DomId(1), () => here++);
        var bound = guests.BindInterdomain(DomId.Dom0, offered.Port, () => there++);
        guests.Deliver();
        Assert.That(there, Is.EqualTo(1), "binding leaves an event, since earlier ones may have been lost");
        bound.Notify();
        _events.Deliver();
        offered.Notify();
        guests.Deliver();
        Assert.That((here, there), Is.EqualTo((1, 2)));
        Assert.That(() => guests.BindInterdomain(DomId.Dom0, offered.Port), Throws.InstanceOf<HypercallException>().With.Message.EndsWith("EINVAL"));
    }

    /// <summary>Lets a guest of the fake machine pass host addresses, so that it needs no turns.</summary>
    private sealed class ForeignGate(FakeGate gate) : Pv.Machine.Gate.IHypercallDoor
    {
        public long Call(Pv.Machine.Gate.HypercallRegisters registers)
        {
            gate.TakesHostAddresses = true;
            try
            {
                return gate.Call(registers);
            }
            finally
            {
                gate.TakesHostAddresses = false;
            }
        }
    }
}
