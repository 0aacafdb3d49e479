using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-26, XSA-255, XSA-268. A table that changes its form while entries are in use, or while others look at entries that are no more.</summary>
[TestFixture]
internal sealed class GrantVersionSwitch : GrantFixture
{
    [Test]
    public void A_table_in_use_keeps_its_form()
    {
        Offer(Ref, Neighbour.Frames[0]);
        var unused = FrameAccounts.Take(Machine.Core);
        var map = Map(Ref, EntryOf(40));
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(SwitchNeighbour(2), Is.EqualTo(-(long)Errno.EBUSY));
        AssertAsBefore(before);
        Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.Okay));
        Assert.That(SwitchNeighbour(2), Is.Zero);
        Assert.That(SwitchNeighbour(1), Is.Zero);
        AssertAsBefore(unused);
    }

    [Test]
    public void Nothing_is_offered_after_a_switch_and_entries_beyond_the_shorter_table_are_refused()
    {
        Offer(Ref, Neighbour.Frames[0]);
        Offer(500, Neighbour.Frames[0]);
        Assert.That(SwitchNeighbour(2), Is.Zero);
        foreach (var reference in new[] { Ref, 255u, 256u, 500u, 511u, 512u, uint.MaxValue })
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Map(reference, EntryOf(40)).Status, Is.Not.EqualTo(GrantStatus.Okay), $"{reference}");
            AssertAsBefore(before);
        }
        Assert.That(SwitchNeighbour(1), Is.Zero);
        Assert.That(Map(500, EntryOf(40)).Status, Is.EqualTo(GrantStatus.GeneralError));
    }

    [Test]
    public void Forms_that_do_not_exist_are_refused()
    {
        foreach (var version in new[] { 0u, 3u, 0x8000_0001u, uint.MaxValue })
            Assert.That(SwitchNeighbour(version), Is.EqualTo(-(long)Errno.EINVAL));
    }

    [Test]
    public void Switches_and_maps_at_once_leave_counts_right()
    {
        // In either form an entry behind the reserved ones.
        const uint far = 100;
        var before = FrameAccounts.Take(Machine.Core);
        Parallel.Invoke(
            () =>
            {
                for (var i = 0; i < 1000; i++)
                    SwitchNeighbour(1u + (uint)(i & 1));
            },
            () =>
            {
                for (var i = 0; i < 3000; i++)
                {
                    Offer(far, Neighbour.Frames[0]);
                    var map = Map(far, EntryOf(40));
                    if (map.Status == GrantStatus.Okay && Unmap(map.Handle, EntryOf(40)) != GrantStatus.Okay)
                        throw new InvalidOperationException("what was mapped is not unmapped");
                }
            });
        Assert.That(SwitchNeighbour(1), Is.Zero);
        AssertAsBefore(before);
    }

    private long SwitchNeighbour(uint version)
    {
        Neighbour.Put(0, new GrantTableSetVersion { Version = version });
        return Neighbour.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetVersion, 0, 1);
    }
}
