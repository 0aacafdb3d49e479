using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.Core;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-226, XSA-411. A grant that passes on a grant that passes on a grant: followed without end it exhausts the stack, and its locks are taken
/// in the guests' order.
/// </summary>
[TestFixture]
internal sealed class GrantTransitiveRecursion : GrantFixture
{
    [SetUp]
    public void UseSecondVersion()
    {
        foreach (var guest in new[] { Attacker, Neighbour })
        {
            guest.Put(0, new GrantTableSetVersion { Version = 2 });
            Assert.That(guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetVersion, 0, 1), Is.Zero);
        }
    }

    [Test]
    public void A_grant_is_passed_on_once()
    {
        Pass(NeighbourTable, Attacker, Attacker, 20);
        Entry(AttackerTable, 20) = new GrantEntryV2 { Header = new GrantEntryHeader { Flags = GrantEntryFlags.PermitAccess, Domain = Neighbour.Domain.Id }, Frame = Attacker.Frames[3].Value };
        Machine.Core.Memory.Words(Attacker.Frames[3])[0] = 77;
        Assert.That(Copy(), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Word(4, 0), Is.EqualTo(77));

        Pass(AttackerTable, Neighbour, Neighbour, 21, at: 20);
        AssertNotCopied("to one that is passed on itself");
    }

    [Test]
    public void Circles_are_refused()
    {
        Pass(NeighbourTable, Attacker, Attacker, Ref);
        Pass(AttackerTable, Neighbour, Neighbour, Ref);
        AssertNotCopied("of two");
        Pass(NeighbourTable, Attacker, Neighbour, Ref);
        AssertNotCopied("of one");
        Pass(NeighbourTable, Attacker, Neighbour, 20);
        AssertNotCopied("of one, by another entry");
    }

    [Test]
    public void What_is_passed_on_is_not_mapped_and_nobody_is_invented()
    {
        Pass(NeighbourTable, Attacker, Attacker, 20);
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(Map(Ref, EntryOf(40)).Status, Is.EqualTo(GrantStatus.GeneralError));
        AssertAsBefore(before);
        foreach (var id in new[] { DomId.Dom0.Value, (ushort)999, DomId.Self.Value, DomId.Xen.Value, ushort.MaxValue })
        {
            Entry(NeighbourTable, Ref) = new GrantEntryV2
            {
                Header = new GrantEntryHeader { Flags = GrantEntryFlags.Transitive, Domain = Attacker.Domain.Id }, TransitiveDomain = new DomId(id), TransitiveRef = new GrantRef(20),
            };
            AssertNotCopied($"{id}");
        }
    }

    [Test]
    public void Two_domains_that_pass_on_to_each_other_at_once_do_not_wait_for_each_other()
    {
        Pass(NeighbourTable, Attacker, Attacker, 20);
        Pass(AttackerTable, Neighbour, Neighbour, 20);
        var copies = Task.WhenAll(Task.Run(() => Repeat(Attacker, Neighbour)), Task.Run(() => Repeat(Neighbour, Attacker)));
        Assert.That(copies.Wait(TimeSpan.FromMinutes(2)), "each holds what the other wants");

        static void Repeat(TestGuest by, TestGuest of)
        {
            for (var i = 0; i < 3000; i++)
            {
                by.Put(0, Argument(by, of));
                by.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.Copy, 0, 1);
            }
        }
    }

    private ref GrantEntryV2 Entry(Mfn table, uint reference) => ref At<GrantEntryV2>(table, reference * GrantEntryV2.WireSize);

    private void Pass(Mfn table, TestGuest user, TestGuest owner, uint passed, uint at = Ref) => Entry(table, at) = new GrantEntryV2
    {
        Header = new GrantEntryHeader { Flags = GrantEntryFlags.Transitive, Domain = user.Domain.Id },
        TransitiveDomain = owner.Domain.Id,
        TransitiveRef = new GrantRef(passed),
    };

    private static GrantTableCopy Argument(TestGuest by, TestGuest of)
    {
        var copy = new GrantTableCopy { Length = 8, Flags = GrantCopyFlags.SourceGrantRef };
        (copy.Source.Domain, copy.Source.Ref) = (of.Domain.Id, new GrantRef(Ref));
        (copy.Destination.Domain, copy.Destination.Gmfn) = (DomId.Self, by.Frames[4].Value);
        return copy;
    }

    private GrantStatus Copy() => Grants(GrantTableOperation.Copy, Argument(Attacker, Neighbour)).Status;

    private void AssertNotCopied(string what)
    {
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(Copy(), Is.Not.EqualTo(GrantStatus.Okay), what);
        AssertAsBefore(before, what);
    }
}
