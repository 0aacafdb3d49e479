using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-50, XSA-113, XSA-242, XSA-334. What was taken before something failed is given back, by whatever way it fails.</summary>
[TestFixture]
internal sealed class ReferenceLeakOnErrorPath : GrantFixture
{
    [Test]
    public void A_table_whose_last_entry_is_wrong([Values(1, 2, 3, 4)] int level)
    {
        var table = Attacker.Frames[FirstUnmapped];
        var target = level == 1 ? Attacker.Frames[0] : Attacker.Safe[9 - level];
        for (var i = 0; i < 511; i++)
            Attacker.Store(table, i, target.Address | PresentUser | (level == 1 ? Writable : 0));
        foreach (var wrong in new[]
        {
            Neighbour.Frames[0].Address | PresentUser, 1ul << 45 | PresentUser, target.Address | PresentUser | 0x10, Attacker.Domain.SharedInfo.Address | PresentUser | 0x80,
        })
        {
            Attacker.Store(table, 511, wrong);
            AssertRefused(() => Extended(MmuExtOperation.PinL1Table + (uint)(level - 1), table.Value), $"{wrong:x}");
        }
    }

    [Test]
    public void A_table_that_is_refused_after_it_stopped_in_the_middle()
    {
        var table = Attacker.Frames[FirstUnmapped];
        for (var i = 0; i < 511; i++)
            Attacker.Store(table, i, Attacker.Frames[i % FirstUnmapped].Address | PresentUser | Writable);
        Attacker.Store(table, 511, Neighbour.Frames[0].Address | PresentUser);
        var before = FrameAccounts.Take(Machine.Core);
        WantPCpu();
        Assert.That(Extended(MmuExtOperation.PinL1Table, table.Value), Is.Negative);
        // What is to be given back may stop, too; the next call about page tables goes on with it.
        WantPCpu(_ => false);
        Assert.That(Extended(MmuExtOperation.TlbFlushLocal, 0), Is.Zero);
        AssertAsBefore(before);
    }

    [Test]
    public void An_entry_that_names_what_cannot_be_had()
    {
        foreach (var table in Attacker.Safe[4..8])
        {
            foreach (var target in new[] { Neighbour.Safe[5], Neighbour.Frames[0], new Mfn(0), new Mfn(Machine.Core.Frames.Length), new Mfn((1ul << 40) - 1) })
                AssertRefused(() => Update(table.Address | 200 * 8, target.Address | PresentUser), $"{target}");
        }
        AssertRefused(Errno.EINVAL, () => Update(Neighbour.Frames[0].Address | (ulong)MmuUpdateKind.MachinePhysical, 0));
        AssertRefused(Errno.ENOSYS, () => Update(Attacker.Frames[0].Address | 4, 0));
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.CopyPage, Attacker.Frames[0].Value, Neighbour.Frames[0].Value));
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.CopyPage, Attacker.Safe[4].Value, Attacker.Frames[0].Value));
    }

    [Test]
    public void Descriptors_of_which_one_frame_is_wrong()
    {
        Attacker.Put(0x800, Attacker.Frames[FirstUnmapped]);
        Attacker.Put(0x808, Attacker.Frames[FirstUnmapped + 1]);
        foreach (var last in new[] { Attacker.Frames[0], Neighbour.Frames[0], Attacker.Safe[4], new Mfn(ulong.MaxValue) })
        {
            Attacker.Put(0x810, last);
            AssertRefused(Errno.EINVAL, () => Attacker.Call(HypercallNumber.SetGdt, 0x800, 1536));
        }
        AssertRefused(Errno.EINVAL, () => Attacker.Call(HypercallNumber.SetGdt, 0x800, 7169));
        AssertRefused(Errno.EFAULT, () => Attacker.Call(HypercallNumber.SetGdt, 0x40_0000, 512));
    }

    [Test]
    public void Grants_that_fail_at_every_step()
    {
        Offer(Ref, Neighbour.Frames[0]);
        Offer(Ref + 1, Neighbour.Safe[4]);
        Offer(Ref + 2, Attacker.Frames[0]);
        Offer(Ref + 3, new Mfn(0xffff_ffff));
        var before = FrameAccounts.Take(Machine.Core);
        foreach (var (reference, at) in new[] { (Ref, 0ul), (Ref + 1, EntryOf(40)), (Ref + 2, EntryOf(40)), (Ref + 3, EntryOf(40)), (Ref + 4, EntryOf(40)) })
        {
            Assert.That(Map(reference, at).Status, Is.Not.EqualTo(GrantStatus.Okay), $"{reference}");
            AssertAsBefore(before, $"{reference}");
            Assert.That(Marks(reference), Is.EqualTo(GrantEntryFlags.Invalid));
        }
        var copy = new GrantTableCopy { Length = 8, Flags = GrantCopyFlags.SourceGrantRef };
        (copy.Source.Domain, copy.Source.Ref) = (Neighbour.Domain.Id, new GrantRef(Ref));
        foreach (var target in new[] { Attacker.Safe[4], Neighbour.Frames[0], new Mfn(1ul << 40) })
        {
            (copy.Destination.Domain, copy.Destination.Gmfn) = (DomId.Self, target.Value);
            Assert.That(Grants(GrantTableOperation.Copy, copy).Status, Is.Not.EqualTo(GrantStatus.Okay));
            AssertAsBefore(before, $"{target}");
            Assert.That(Marks(Ref), Is.EqualTo(GrantEntryFlags.Invalid));
        }
    }
}
