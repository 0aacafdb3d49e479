using NUnit.Framework;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>XSA-18, XSA-134, XSA-232, XSA-384. Entries, frames of the table and frames whose caches are flushed, by numbers that do not exist or are others'.</summary>
[TestFixture]
internal sealed class GrantTableBounds : GrantFixture
{
    private static readonly uint[] Beyond = [512, 513, 1024, 0x7fff_ffff, 0x8000_0000, uint.MaxValue];

    [Test]
    public void Entries_beyond_the_table_are_neither_mapped_nor_swapped_nor_copied()
    {
        foreach (var reference in Beyond)
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Map(reference, EntryOf(40)).Status, Is.EqualTo(GrantStatus.BadGrantRef));
            Assert.That(Swap(reference, Ref), Is.EqualTo(GrantStatus.BadGrantRef));
            Assert.That(Swap(Ref, reference), Is.EqualTo(GrantStatus.BadGrantRef));
            Assert.That(Swap(reference, reference), Is.EqualTo(GrantStatus.BadGrantRef));
            var copy = new GrantTableCopy { Length = 8, Flags = GrantCopyFlags.SourceGrantRef };
            (copy.Source.Domain, copy.Source.Ref) = (Neighbour.Domain.Id, new GrantRef(reference));
            (copy.Destination.Domain, copy.Destination.Gmfn) = (DomId.Self, Attacker.Frames[0].Value);
            Assert.That(Grants(GrantTableOperation.Copy, copy).Status, Is.EqualTo(GrantStatus.BadGrantRef));
            AssertAsBefore(before, $"{reference}");
        }
    }

    [Test]
    public void An_entry_in_use_is_not_swapped()
    {
        Offer(Ref, Neighbour.Frames[0]);
        Map(Ref, EntryOf(40));
        var entry = At<ulong>(NeighbourTable, Ref * 8);
        Neighbour.Put(0, new GrantTableSwapGrantRef { RefA = new GrantRef(Ref), RefB = new GrantRef(Ref + 1) });
        Neighbour.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SwapGrantRef, 0, 1);
        Assert.That(Neighbour.Get<GrantTableSwapGrantRef>(0).Status, Is.EqualTo(GrantStatus.TryAgain));
        Assert.That(At<ulong>(NeighbourTable, Ref * 8), Is.EqualTo(entry));
    }

    [Test]
    public void A_table_does_not_grow_beyond_its_limit()
    {
        foreach (var count in new[] { 3u, 65u, 0x8000_0000u, uint.MaxValue })
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Grants(GrantTableOperation.SetupTable, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = count, FrameList = 0x800 }).Status,
                Is.EqualTo(GrantStatus.GeneralError));
            AssertAsBefore(before);
        }
    }

    [Test]
    public void Frames_of_a_table_that_do_not_exist_are_not_mapped_by_the_toolstack()
    {
        ulong[] at = [0x900];
        using var pin = HostPin.Of(at);
        foreach (var (frame, count) in new[] { (2ul, 1u), (1ul, 2u), (ulong.MaxValue, 2u), (1ul << 32, 1u) })
        {
            var before = FrameAccounts.Take(Machine.Core);
            var acquire = new AcquireResource { Domain = Neighbour.Domain.Id, Type = ResourceType.GrantTable, Frame = frame, FrameCount = count, FrameList = pin.Address };
            if (count == 1)
            {
                Assert.That(HostAddress.Call(Machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.AcquireResource, ref acquire), Is.EqualTo(-(long)Errno.EINVAL));
                AssertAsBefore(before, $"{frame:x}");
            }
        }
    }

    [Test]
    public void Caches_are_flushed_of_own_and_mapped_frames_only()
    {
        Assert.That(Flush(Attacker.Frames[0], 0, 64), Is.Zero);
        AssertRefused(Errno.EINVAL, () => Flush(Neighbour.Frames[0], 0, 64));
        AssertRefused(Errno.EINVAL, () => Flush(new Mfn(Machine.Core.Frames.Length), 0, 64));
        AssertRefused(Errno.EINVAL, () => Flush(new Mfn(1ul << 51), 0, 64));
        AssertRefused(Errno.EINVAL, () => Flush(Attacker.Frames[0], 4090, 64));
        AssertRefused(Errno.EINVAL, () => Flush(Attacker.Frames[0], 65535, 65535));
    }

    private GrantStatus Swap(uint one, uint other)
        => Grants(GrantTableOperation.SwapGrantRef, new GrantTableSwapGrantRef { RefA = new GrantRef(one), RefB = new GrantRef(other) }).Status;

    private long Flush(Mfn frame, ushort offset, ushort length)
    {
        Attacker.Put(0, new GrantTableCacheFlush { Address = frame.Address, Offset = offset, Length = length, Operation = 1 });
        return Attacker.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.CacheFlush, 0, 1);
    }
}
