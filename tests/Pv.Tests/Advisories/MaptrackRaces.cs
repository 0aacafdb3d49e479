using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-228, XSA-316. Handles of maps are given out and taken back while other vCPUs map and unmap; a map for which there is no handle must not
/// have been made.
/// </summary>
[TestFixture]
internal sealed class MaptrackRaces : GrantFixture
{
    private const int Handles = 256;

    [Test]
    public void A_map_without_a_handle_leaves_the_entry_that_stood_there()
    {
        Offer(Ref, Neighbour.Frames[0]);
        for (var i = 0; i < Handles; i++)
            Assert.That(Map(Ref, EntryOf(40)).Status, Is.EqualTo(GrantStatus.Okay));
        var mine = At<ulong>(Attacker.Safe[7], 3 * 8);
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(Map(Ref, EntryOf(3)).Status, Is.EqualTo(GrantStatus.NoDeviceSpace));
        Assert.That(At<ulong>(Attacker.Safe[7], 3 * 8), Is.EqualTo(mine));
        AssertAsBefore(before);
    }

    [Test]
    public void A_map_that_fails_gives_its_handle_back()
    {
        Offer(Ref, Neighbour.Frames[0]);
        for (var i = 0; i < 2 * Handles; i++)
            Assert.That(Map(Ref, Attacker.Safe[4].Address).Status, Is.EqualTo(GrantStatus.GeneralError), "an L4 table's entry");
        var map = Map(Ref, EntryOf(40));
        Assert.That(map.Status, Is.EqualTo(GrantStatus.Okay));
        Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.Okay));
    }

    [Test]
    public void Handles_that_do_not_exist_and_handles_given_back_unmap_nothing()
    {
        Offer(Ref, Neighbour.Frames[0]);
        var map = Map(Ref, EntryOf(40));
        foreach (var handle in new[] { map.Handle + 1, 255u, 256u, 0x7fff_ffffu, uint.MaxValue })
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Unmap(handle, EntryOf(40)), Is.EqualTo(GrantStatus.BadHandle));
            AssertAsBefore(before);
        }
        Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.BadHandle));
    }

    [Test]
    public void Two_vCPUs_that_map_and_unmap_at_once_lose_no_handle_and_no_use()
    {
        Offer(Ref, Neighbour.Frames[0]);
        var before = FrameAccounts.Take(Machine.Core);
        Parallel.Invoke(() => Churn(Attacker.Caller, 0, EntryOf(40)), () => Churn(Attacker.Victim, 0, EntryOf(41)));
        AssertAsBefore(before);

        void Churn(Pv.Hypervisor.Domains.Vcpu vcpu, ulong at, ulong entry)
        {
            // vCPU 0 finds its argument in its own page at 0, vCPU 1 in that of the arguments.
            var page = vcpu == Attacker.Caller ? Attacker.Safe[8] : Attacker.Frames[0];
            for (var i = 0; i < 2000; i++)
            {
                At<GrantTableMapGrantRef>(page) = MapArgument(Ref, entry);
                Attacker.Call(vcpu, HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, at, 1);
                var map = At<GrantTableMapGrantRef>(page);
                if (map.Status != GrantStatus.Okay)
                    throw new InvalidOperationException($"map: {map.Status}");
                At<GrantTableUnmapGrantRef>(page) = new GrantTableUnmapGrantRef { HostAddress = entry, Handle = map.Handle };
                Attacker.Call(vcpu, HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef, at, 1);
            }
        }
    }
}
