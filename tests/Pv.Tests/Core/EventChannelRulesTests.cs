using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Core;

/// <summary>Event channels by what calls answer, and what becomes of ports when their other end goes.</summary>
[TestFixture]
internal sealed class EventChannelRulesTests
{
    private TestMachine _machine = null!;
    private TestGuest _one = null!, _two = null!;

    [SetUp]
    public void MakeTwo()
    {
        _machine = new TestMachine();
        _one = new TestGuest(_machine, 4);
        _two = new TestGuest(_machine, 4);
    }

    [TearDown]
    public void LeaveNothing()
    {
        foreach (var domain in _machine.Core.Domains.Snapshot().Where(domain => domain.Id != DomId.Dom0))
            _machine.Destroy(domain);
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
        _machine.Dispose();
    }

    [Test]
    public void A_bound_pair_carries_events_and_falls_apart_into_an_unbound_port()
    {
        var offered = Offer(_one, _two);
        var bound = Bind(_two, _one, offered);
        Assert.That(bound, Is.Positive);
        Assert.That(IsPending(_two, bound), "the end that binds hears once at first");
        Assert.That(Simple(_two, EventChannelOperation.Send, (uint)bound), Is.Zero);
        Assert.That(IsPending(_one, offered));
        Assert.That(Simple(_two, EventChannelOperation.Close, (uint)bound), Is.Zero);
        Assert.That(StatusOf(_one, offered), Is.EqualTo(EventChannelState.Unbound));
        Assert.That(Simple(_one, EventChannelOperation.Send, (uint)offered), Is.Zero, "an event to nobody is dropped");
        Assert.That(Bind(_two, _one, offered), Is.Positive, "it may be bound again");
    }

    [Test]
    public void What_is_wrong_is_refused_with_Xens_number()
    {
        var offered = Offer(_one, _two);
        Assert.Multiple(() =>
        {
            Assert.That(Bind(_two, _one, 77), Is.EqualTo(-(long)Errno.EINVAL), "no such port");
            Assert.That(Bind(_one, _one, offered), Is.EqualTo(-(long)Errno.EINVAL), "offered to somebody else");
            Assert.That(Bind(_two, new DomId(99), offered), Is.EqualTo(-(long)Errno.ESRCH), "no such domain");
            Assert.That(Simple(_one, EventChannelOperation.Close, 0), Is.EqualTo(-(long)Errno.EINVAL));
            Assert.That(Simple(_one, EventChannelOperation.Send, 5000), Is.EqualTo(-(long)Errno.EINVAL));
            Assert.That(Simple(_one, EventChannelOperation.Unmask, 5000), Is.EqualTo(-(long)Errno.EINVAL));
            Assert.That(Virq(_one, (VirtualIrq)24, 0), Is.EqualTo(-(long)Errno.EINVAL));
            Assert.That(Virq(_one, VirtualIrq.Timer, 9), Is.EqualTo(-(long)Errno.ENOENT));
            Assert.That(Virq(_one, VirtualIrq.DomainException, 1), Is.EqualTo(-(long)Errno.EINVAL), "a global one is vCPU 0's");
            Assert.That(Virq(_one, VirtualIrq.Timer, 0), Is.Positive);
            Assert.That(Virq(_one, VirtualIrq.Timer, 0), Is.EqualTo(-(long)Errno.EEXIST));
            Assert.That(Ipi(_one, 7), Is.EqualTo(-(long)Errno.ENOENT));
            Assert.That(Offer(_one, _two, of: _two.Domain.Id), Is.EqualTo(-(long)Errno.EPERM), "a guest offers its own ports");
        });
    }

    [Test]
    public void Ports_end_where_the_domains_limit_says()
    {
        long last;
        var made = 0;
        while ((last = Offer(_one, _two)) > 0)
            made++;
        Assert.That((made, last), Is.EqualTo((127, -(long)Errno.ENOSPC)));
        Assert.That(Simple(_one, EventChannelOperation.Close, 64), Is.Zero);
        Assert.That(Offer(_one, _two), Is.EqualTo(64), "a closed port is used again");
    }

    [Test]
    public void A_domain_that_ends_unbinds_what_others_bound_to_it()
    {
        var offered = Offer(_one, _two);
        Assert.That(Bind(_two, _one, offered), Is.Positive);
        _machine.Destroy(_two.Domain);
        Assert.That(StatusOf(_one, offered), Is.EqualTo(EventChannelState.Unbound));
        Assert.That(Simple(_one, EventChannelOperation.Close, (uint)offered), Is.Zero);
    }

    [Test]
    public void Both_ends_close_and_bind_at_once_and_neither_is_lost()
    {
        const int rounds = 3000;
        Parallel.Invoke(() => Churn(_one, _two), () => Churn(_two, _one));
        foreach (var guest in new[] { _one, _two })
            Assert.That(Simple(guest, EventChannelOperation.Reset, DomId.Self.Value), Is.Zero);
        Assert.That(Offer(_one, _two), Is.EqualTo(1), "every port is free again");

        void Churn(TestGuest mine, TestGuest other)
        {
            for (var i = 0; i < rounds; i++)
            {
                Offer(mine, other);
                for (uint port = 1; port <= 3; port++)
                {
                    Bind(mine, other, port);
                    Simple(mine, EventChannelOperation.Send, port);
                    Simple(mine, EventChannelOperation.Close, port);
                }
            }
        }
    }

    [Test]
    public void A_port_is_closed_while_the_domain_at_its_other_end_goes()
    {
        for (var i = 0; i < 40; i++)
        {
            var peer = new TestGuest(_machine, 1);
            var offered = Offer(_one, peer);
            Assert.That(Bind(peer, _one, offered), Is.Positive);
            Parallel.Invoke(
                () => _machine.Destroy(peer.Domain),
                () => Assert.That(Simple(_one, EventChannelOperation.Close, (uint)offered), Is.Zero));
        }
    }

    private static long Offer(TestGuest guest, TestGuest remote, DomId? of = null)
    {
        var result = guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound,
            guest.Put(0, new EventChannelAllocUnbound { Domain = of ?? DomId.Self, RemoteDomain = remote.Domain.Id }));
        return result < 0 ? result : guest.Get<EventChannelAllocUnbound>(0).Port.Value;
    }

    private static long Bind(TestGuest guest, TestGuest remote, long port) => Bind(guest, remote.Domain.Id, port);

    private static long Bind(TestGuest guest, DomId remote, long port)
    {
        var result = guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindInterdomain,
            guest.Put(0, new EventChannelBindInterdomain { RemoteDomain = remote, RemotePort = new EventPort((uint)port) }));
        return result < 0 ? result : guest.Get<EventChannelBindInterdomain>(0).LocalPort.Value;
    }

    private static long Virq(TestGuest guest, VirtualIrq virq, uint vcpu)
    {
        var result = guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindVirq,
            guest.Put(0, new EventChannelBindVirq { Virq = virq, Vcpu = new VcpuId(vcpu) }));
        return result < 0 ? result : guest.Get<EventChannelBindVirq>(0).Port.Value;
    }

    private static long Ipi(TestGuest guest, uint vcpu)
        => guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindIpi, guest.Put(0, new EventChannelBindIpi { Vcpu = new VcpuId(vcpu) }));

    /// <summary>The operations whose argument is one number.</summary>
    private static long Simple(TestGuest guest, EventChannelOperation operation, uint value)
        => guest.Call(HypercallNumber.EventChannelOp, (ulong)operation, guest.Put(0, (ulong)value));

    private static EventChannelState StatusOf(TestGuest guest, long port)
    {
        guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Status,
            guest.Put(0, new EventChannelStatus { Domain = DomId.Self, Port = new EventPort((uint)port) }));
        return guest.Get<EventChannelStatus>(0).State;
    }

    private static bool IsPending(TestGuest guest, long port) => guest.Domain.Events.IsPending(new EventPort((uint)port));
}
