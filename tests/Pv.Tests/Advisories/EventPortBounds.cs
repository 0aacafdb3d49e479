using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-317, XSA-338, XSA-342. Ports by numbers that do not exist, that existed once, or that another form of the events has.</summary>
[TestFixture]
internal sealed class EventPortBounds : AdvisoryFixture
{
    private static readonly uint[] Numbers = [0, 1, 63, 64, 127, 128, 4095, 4096, 131071, 131072, 0x7fff_ffff, 0x8000_0000, uint.MaxValue];

    [Test]
    public void Ports_that_do_not_exist_are_refused_in_both_forms([Values] bool fifo)
    {
        if (fifo)
            UseFifo();
        foreach (var number in Numbers)
        {
            var port = new EventPort(number);
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.Close, new EventChannelClose { Port = port }), $"{number}");
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.Send, new EventChannelSend { Port = port }), $"{number}");
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.BindVcpu, new EventChannelBindVcpu { Port = port }), $"{number}");
            AssertRefused(() => Events(EventChannelOperation.SetPriority, new EventChannelSetPriority { Port = port, Priority = 3 }), $"{number}");
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.BindInterdomain,
                new EventChannelBindInterdomain { RemoteDomain = Neighbour.Domain.Id, RemotePort = port }), $"{number}");
            // A closed port may be unmasked to no effect; one that was never there may not.
            if (number >= 64)
                AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.Unmask, new EventChannelUnmask { Port = port }), $"{number}");
        }
    }

    [Test]
    public void An_allocation_that_fails_leaves_the_ports_as_they_were()
    {
        for (var i = 0; i < 127; i++)
            Open();
        AssertRefused(Errno.ENOSPC, () => Events(EventChannelOperation.AllocUnbound, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = Neighbour.Domain.Id }));
        AssertRefused(Errno.ENOSPC, () => Events(EventChannelOperation.BindIpi, new EventChannelBindIpi()));
        AssertRefused(Errno.ENOSPC, () => Events(EventChannelOperation.BindVirq, new EventChannelBindVirq { Virq = VirtualIrq.Timer }));
        Neighbour.Put(0, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = Attacker.Domain.Id });
        Assert.That(Neighbour.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound, 0), Is.Zero);
        var offered = Neighbour.Get<EventChannelAllocUnbound>(0).Port;
        AssertRefused(Errno.ENOSPC, () => Events(EventChannelOperation.BindInterdomain, new EventChannelBindInterdomain { RemoteDomain = Neighbour.Domain.Id, RemotePort = offered }));
        Assert.That(Events(EventChannelOperation.Close, new EventChannelClose { Port = new EventPort(5) }), Is.Zero);
        Assert.That(Events(EventChannelOperation.BindVirq, new EventChannelBindVirq { Virq = VirtualIrq.Timer }), Is.Zero);
    }

    [Test]
    public void A_port_that_was_valid_in_one_form_is_refused_in_the_next()
    {
        UseFifo();
        for (var i = 0; i < 127; i++)
            Open();
        Assert.That(Events(EventChannelOperation.Reset, new EventChannelReset { Domain = DomId.Self }), Is.Zero);
        for (uint port = 0; port < 128; port++)
        {
            var of = new EventPort(port);
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.Send, new EventChannelSend { Port = of }));
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.Close, new EventChannelClose { Port = of }));
        }
        foreach (var vcpu in new[] { 3u, 32u, 64u, uint.MaxValue })
            AssertRefused(Errno.ENOENT, () => Events(EventChannelOperation.BindIpi, new EventChannelBindIpi { Vcpu = new VcpuId(vcpu) }));
    }

    [Test]
    public void Virtual_interrupts_that_do_not_exist_are_refused()
    {
        foreach (var virq in new[] { 24u, 64u, 0x8000_0000u, uint.MaxValue })
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.BindVirq, new EventChannelBindVirq { Virq = (VirtualIrq)virq }));
    }

    private void Open()
        => Assert.That(Events(EventChannelOperation.AllocUnbound, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = Neighbour.Domain.Id }), Is.Zero);

    private void UseFifo()
    {
        Assert.That(Events(EventChannelOperation.InitControl, new EventChannelInitControl { ControlGfn = Attacker.Frames[0].Value }), Is.Zero);
        Assert.That(Events(EventChannelOperation.ExpandArray, new EventChannelExpandArray { ArrayGfn = Attacker.Frames[1].Value }), Is.Zero);
    }
}
