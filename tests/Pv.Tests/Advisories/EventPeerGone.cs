using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-47, XSA-340. One end of a channel goes, or is closed and used for another, while the other end is used.</summary>
[TestFixture]
internal sealed class EventPeerGone : AdvisoryFixture
{
    [Test]
    public void A_send_reaches_only_the_channel_it_was_for()
    {
        var (mine, theirs) = Connect();
        Assert.That(Neighbour.Domain.Events.Close(theirs), Is.EqualTo(Errno.None));
        // The very port is the neighbour's own now.
        Assert.That(Neighbour.Domain.Events.BindIpi(default, out var own), Is.EqualTo(Errno.None));
        Assert.That(own, Is.EqualTo(theirs));
        Assert.That(Attacker.Domain.Events.Send(mine), Is.EqualTo(Errno.None), "an event to nobody is dropped");
        Assert.That(Neighbour.Domain.Events.IsPending(own), Is.False);
    }

    [Test]
    public void A_port_offered_to_one_is_not_bound_by_another()
    {
        Assert.That(Neighbour.Domain.Events.AllocateUnbound(DomId.Dom0, out var offered), Is.EqualTo(Errno.None));
        AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.BindInterdomain,
            new EventChannelBindInterdomain { RemoteDomain = Neighbour.Domain.Id, RemotePort = offered }));
    }

    [Test]
    public void Sends_and_closes_while_the_other_end_dies_end_in_order()
    {
        var (mine, _) = Connect();
        Parallel.Invoke(
            () =>
            {
                for (var i = 0; i < 2000; i++)
                    Attacker.Domain.Events.Send(mine);
            },
            () => Machine.Destroy(Neighbour.Domain));
        var status = default(EventChannelStatus);
        Assert.That(Attacker.Domain.Events.GetStatus(mine, ref status), Is.EqualTo(Errno.None));
        Assert.That(status.State, Is.EqualTo(EventChannelState.Unbound));
        Assert.That(Attacker.Domain.Events.Close(mine), Is.EqualTo(Errno.None));
        AssertRefused(Errno.ESRCH, () => Events(EventChannelOperation.BindInterdomain, new EventChannelBindInterdomain { RemoteDomain = Neighbour.Domain.Id }));
    }

    private (EventPort Mine, EventPort Theirs) Connect()
    {
        Assert.That(Neighbour.Domain.Events.AllocateUnbound(Attacker.Domain.Id, out var theirs), Is.EqualTo(Errno.None));
        Assert.That(Events(EventChannelOperation.BindInterdomain, new EventChannelBindInterdomain { RemoteDomain = Neighbour.Domain.Id, RemotePort = theirs }), Is.Zero);
        return (Attacker.Get<EventChannelBindInterdomain>(0).LocalPort, theirs);
    }
}
