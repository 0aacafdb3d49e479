using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-343, XSA-344. A reset of all ports takes long and so stops in between, while other vCPUs open and close ports and the domain itself
/// may end.
/// </summary>
[TestFixture]
internal sealed class EventReset : AdvisoryFixture
{
    private const int Ports = 100;

    [Test]
    public void A_reset_stops_after_so_many_ports()
    {
        OpenPorts();
        WantPCpu();
        var registers = BeginReset();
        Assert.That(Attacker.Domain.Events.OpenPorts, Is.InRange(Ports - 80, Ports - 50));
        Assert.That(Enter(ref registers).Value, Is.Zero);
        Assert.That(Attacker.Domain.Events.OpenPorts, Is.Zero);
    }

    [Test]
    public void A_domain_that_ends_amid_its_reset_closes_every_port()
    {
        UseFifo();
        OpenPorts();
        WantPCpu();
        BeginReset();
        // Behind the reset's back, which has passed this port.
        var offered = Open(Neighbour.Domain.Id);
        Assert.That(offered, Is.LessThan(64));
        Neighbour.Put(0, new EventChannelBindInterdomain { RemoteDomain = Attacker.Domain.Id, RemotePort = new EventPort(offered) });
        Assert.That(Neighbour.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindInterdomain, 0), Is.Zero);
        var bound = Neighbour.Get<EventChannelBindInterdomain>(0).LocalPort;

        Machine.Destroy(Attacker.Domain);

        Assert.That(Machine.Core.Domains.Find(Attacker.Domain.Id), Is.Null, "the queues' frames hold the dead domain");
        var status = default(EventChannelStatus);
        Neighbour.Domain.Events.GetStatus(bound, ref status);
        Assert.That(status.State, Is.EqualTo(EventChannelState.Unbound));
        // Closing a port whose other end was gone would never have ended.
        Assert.That(Task.Run(() => Neighbour.Domain.Events.Close(bound)).Wait(TimeSpan.FromMinutes(1)));
    }

    [Test]
    public void Resets_of_two_vCPUs_and_ports_that_come_and_go_leave_none_behind()
    {
        UseFifo();
        OpenPorts();
        Parallel.Invoke(
            () => Repeat(() => Attacker.Domain.Events.Reset(goesOn: false)),
            () => Repeat(() => Attacker.Domain.Events.Reset(goesOn: false)),
            () => Repeat(() => Attacker.Domain.Events.AllocateUnbound(Neighbour.Domain.Id, out _)));
        Assert.That(Attacker.Domain.Events.Reset(goesOn: false), Is.EqualTo(Errno.None));
        Assert.That(Attacker.Domain.Events.OpenPorts, Is.Zero);

        static void Repeat(Action act)
        {
            for (var i = 0; i < 300; i++)
                act();
        }
    }

    [Test]
    public void Another_domains_ports_are_not_reset()
    {
        var offered = Open(Neighbour.Domain.Id);
        AssertRefused(Errno.EPERM, () => Events(EventChannelOperation.Reset, new EventChannelReset { Domain = Neighbour.Domain.Id }));
        Assert.That(offered, Is.Positive);
    }

    private HypercallRegisters BeginReset()
    {
        Attacker.Put(0, new EventChannelReset { Domain = DomId.Self });
        var registers = new HypercallRegisters((ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Reset, 0);
        Assert.That(Enter(ref registers).Outcome, Is.EqualTo(HypercallOutcome.Continue));
        return registers;
    }

    private void OpenPorts()
    {
        for (var i = 0; i < Ports; i++)
            Open(Neighbour.Domain.Id);
    }

    private uint Open(DomId remote)
    {
        Assert.That(Events(EventChannelOperation.AllocUnbound, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = remote }), Is.Zero);
        return Attacker.Get<EventChannelAllocUnbound>(0).Port.Value;
    }

    private void UseFifo()
    {
        for (uint vcpu = 0; vcpu < 2; vcpu++)
        {
            Assert.That(Events(EventChannelOperation.InitControl,
                new EventChannelInitControl { ControlGfn = Attacker.Frames[vcpu].Value, Vcpu = new VcpuId(vcpu) }), Is.Zero);
        }
        Assert.That(Events(EventChannelOperation.ExpandArray, new EventChannelExpandArray { ArrayGfn = Attacker.Frames[2].Value }), Is.Zero);
    }
}
