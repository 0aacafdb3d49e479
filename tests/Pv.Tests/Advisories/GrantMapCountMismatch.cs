using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-218, XSA-224, XSA-230, XSA-234, XSA-236, XSA-394. Each map of a grant is counted once and each unmap takes away that one, whatever the
/// mapper says of address, handle and rights, and whatever it has done to its page tables meanwhile.
/// </summary>
[TestFixture]
internal sealed class GrantMapCountMismatch : GrantFixture
{
    private const GrantEntryFlags Both = GrantEntryFlags.Reading | GrantEntryFlags.Writing;
    private const GrantMapFlags ReadOnly = GrantMapFlags.HostMap | GrantMapFlags.ContainsPte | GrantMapFlags.ReadOnly;

    [Test]
    public void The_marks_go_with_the_last_map_of_each_kind()
    {
        Offer(Ref, Neighbour.Frames[0]);
        var before = FrameAccounts.Take(Machine.Core);
        var (read, write, again) = (Map(Ref, EntryOf(40), ReadOnly), Map(Ref, EntryOf(41)), Map(Ref, EntryOf(42)));
        Assert.That(Marks(Ref), Is.EqualTo(Both));
        Assert.That(Unmap(write.Handle, EntryOf(41)), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Marks(Ref), Is.EqualTo(Both), "one more writes");
        Assert.That(Unmap(again.Handle, EntryOf(42)), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Marks(Ref), Is.EqualTo(GrantEntryFlags.Reading));
        Assert.That(Unmap(read.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Marks(Ref), Is.EqualTo(GrantEntryFlags.Invalid));
        AssertAsBefore(before);
    }

    [Test]
    public void An_unmap_that_names_another_place_changes_nothing()
    {
        Offer(Ref, Neighbour.Frames[0]);
        var map = Map(Ref, EntryOf(40));
        Map(Ref, EntryOf(41), ReadOnly);
        foreach (var at in new[] { EntryOf(41), EntryOf(39), EntryOf(40) + 1, 40ul << 12, 0ul, ulong.MaxValue })
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Unmap(map.Handle, at), Is.Not.EqualTo(GrantStatus.Okay), $"{at:x}");
            AssertAsBefore(before);
            Assert.That(Marks(Ref), Is.EqualTo(Both));
        }
    }

    [Test]
    public void What_the_mapper_overwrote_is_not_unmapped_and_stays_held()
    {
        Offer(Ref, Neighbour.Frames[0]);
        Offer(Ref + 1, Neighbour.Frames[1]);
        var map = Map(Ref, EntryOf(40));
        Assert.That(Update(EntryOf(40), Attacker.Frames[0].Address | PresentUser | Writable), Is.Zero);
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.GeneralError));
        AssertAsBefore(before);
        Assert.That(Marks(Ref), Is.EqualTo(Both), "the neighbour is not told that its page is its own again");

        var other = Map(Ref + 1, EntryOf(40));
        before = FrameAccounts.Take(Machine.Core);
        Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.GeneralError), "another grant is mapped there");
        AssertAsBefore(before);
        Assert.That(Unmap(other.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.Okay));
    }

    [Test]
    public void Rights_are_those_of_the_map_and_no_entry_gets_more()
    {
        Offer(Ref, Neighbour.Frames[0], GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly);
        Assert.That(Map(Ref, EntryOf(40)).Status, Is.EqualTo(GrantStatus.GeneralError));
        var map = Map(Ref, EntryOf(40), ReadOnly);
        Assert.That(map.Status, Is.EqualTo(GrantStatus.Okay));
        var entry = At<ulong>(Attacker.Safe[7], 40 * 8);
        Assert.That(entry & Writable, Is.Zero);
        AssertRefused(() => Update(EntryOf(40), entry | Writable));
        AssertRefused(() => Update(EntryOf(41), entry), "a second entry without a map");
        Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.Okay));
    }

    [Test]
    public void A_grant_that_is_no_longer_offered_is_not_mapped_by_an_old_one()
    {
        Offer(Ref, Neighbour.Frames[0]);
        Map(Ref, EntryOf(40));
        Offer(Ref, Neighbour.Frames[1]);
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(Map(Ref, EntryOf(41)).Status, Is.EqualTo(GrantStatus.GeneralError), "the entry was changed while in use");
        AssertAsBefore(before);
    }

    [Test]
    public void Replacing_a_map_moves_an_entry_and_counts_it_as_before()
    {
        Offer(Ref, Neighbour.Frames[0]);
        const GrantMapFlags byAddress = GrantMapFlags.HostMap;
        Attacker.Put(0, MapArgument(Ref, 3ul << 12, byAddress));
        At<GrantTableMapGrantRef>(Attacker.Frames[0]) = MapArgument(Ref, 40ul << 12, byAddress);
        Assert.That(Attacker.Call(Attacker.Victim, HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, 0, 1), Is.Zero);
        var map = At<GrantTableMapGrantRef>(Attacker.Frames[0]);
        Assert.That(map.Status, Is.EqualTo(GrantStatus.Okay));
        foreach (var (handle, at, with, works) in new[]
        {
            (map.Handle + 1, 40ul << 12, 5ul << 12, false), (map.Handle, 41ul << 12, 5ul << 12, false), (map.Handle, 40ul << 12, 40ul << 12, false),
            (map.Handle, 40ul << 12, 0xffff_8000_0000_0000, false), (map.Handle, 40ul << 12, 5ul << 12, true),
        })
        {
            At<GrantTableUnmapAndReplace>(Attacker.Frames[0]) = new GrantTableUnmapAndReplace { HostAddress = at, NewAddress = with, Handle = handle };
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Attacker.Call(Attacker.Victim, HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapAndReplace, 0, 1), Is.Zero);
            Assert.That(At<GrantTableUnmapAndReplace>(Attacker.Frames[0]).Status == GrantStatus.Okay, Is.EqualTo(works));
            if (!works)
                AssertAsBefore(before);
        }
        Assert.That(Marks(Ref), Is.EqualTo(GrantEntryFlags.Invalid));
        Assert.That(Mfn.OfAddress(At<ulong>(Attacker.Safe[7], 40 * 8) & 0x000f_ffff_ffff_f000), Is.EqualTo(Attacker.Frames[5]));
        Assert.That(At<ulong>(Attacker.Safe[7], 5 * 8), Is.Zero);
    }

    [Test]
    public void A_mapper_that_ends_gives_back_all_it_mapped()
    {
        Offer(Ref, Neighbour.Frames[0]);
        Map(Ref, EntryOf(40));
        Map(Ref, EntryOf(41), ReadOnly);
        Update(EntryOf(40), 0);
        Machine.Destroy(Attacker.Domain);
        Assert.That(Marks(Ref), Is.EqualTo(GrantEntryFlags.Invalid));
        Assert.That(Neighbour.Domain.Grants.IsInUse, Is.False);
    }
}
