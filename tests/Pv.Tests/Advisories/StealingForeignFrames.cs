using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.Core;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-214, XSA-217, XSA-284, XSA-287. Giving a frame away takes it out of use step by step; a frame of another domain, or one that is still
/// referred to, must not be part of that for a moment.
/// </summary>
[TestFixture]
internal sealed class StealingForeignFrames : AdvisoryFixture
{
    private const ulong List = TestGuest.FrameListAddress, Slots = List + 64;

    [Test]
    public void A_foreign_frame_a_used_one_and_one_named_twice_are_not_exchanged()
    {
        AssertRefused(Errno.EINVAL, () => Exchange(Neighbour.Frames[13]), "the neighbour's");
        AssertRefused(Errno.EINVAL, () => Exchange(Attacker.Frames[0]), "mapped");
        AssertRefused(Errno.EINVAL, () => Exchange(Attacker.Safe[3]), "a page table");
        AssertRefused(Errno.EINVAL, () => Exchange(Attacker.Domain.SharedInfo), "the hypervisor's");
        AssertRefused(Errno.EINVAL, () => Exchange(new Mfn(0)), "the machine-to-physical table");
        AssertRefused(Errno.EINVAL, () => Exchange(new Mfn(1ul << 52)), "beyond the machine");
        Attacker.Put(List + 8, Attacker.Frames[14]);
        AssertRefused(Errno.EINVAL, () => Exchange(Attacker.Frames[14], 1, 2), "twice in one extent");
    }

    [Test]
    public void Its_owner_does_not_notice_that_somebody_wants_it()
    {
        var wanted = Neighbour.Frames[13];
        var refused = 0;
        using (new Alongside(() => Exchange(wanted)))
        {
            for (var i = 0; i < 30_000; i++)
            {
                if (Neighbour.Update(wanted.Address | (ulong)MmuUpdateKind.MachinePhysical, (ulong)i) != 0)
                    refused++;
            }
        }
        Assert.That(refused, Is.Zero);
    }

    [Test]
    public void What_is_not_the_givers_alone_is_not_transferred()
    {
        Accept();
        foreach (var frame in new[] { Attacker.Frames[0], Attacker.Safe[3], Attacker.Domain.SharedInfo, Neighbour.Frames[13], new Mfn(0), new Mfn(ulong.MaxValue), new Mfn(1ul << 52) })
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Transfer(frame), Is.EqualTo(GrantStatus.BadPage), $"{frame}");
            AssertAsBefore(before, $"{frame}");
        }
    }

    [Test]
    public void A_frame_that_is_given_is_the_others_once_and_within_its_limit()
    {
        var given = Attacker.Frames[13];
        Accept();
        var (mine, theirs) = (Attacker.Domain.TotalPages, Neighbour.Domain.TotalPages);
        Assert.That(Transfer(given), Is.EqualTo(GrantStatus.GeneralError), "the neighbour has all it may have");
        Assert.That(Neighbour.Domain.TotalPages, Is.EqualTo(theirs));
        Assert.That(Attacker.Domain.TotalPages, Is.EqualTo(mine - 1), "it left the giver's hands, as on Xen");

        Neighbour.Put(List, Neighbour.Frames[14]);
        Neighbour.Put(0, new MemoryReservation { ExtentStart = List, ExtentCount = 1, Domain = DomId.Self });
        Assert.That(Neighbour.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.DecreaseReservation, 0), Is.EqualTo(1));
        given = Attacker.Frames[15];
        Assert.That(Transfer(given), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Machine.Core.Frames.TryGetOwner(given, out var owner) && owner == Neighbour.Domain.Id);
        Assert.That((Attacker.Domain.TotalPages, Neighbour.Domain.TotalPages), Is.EqualTo((mine - 2, theirs)));
        AssertRefused(() => Update(Attacker.Safe[7].Address | 50 * 8, given.Address | PresentUser), "the giver cannot reach it");
        Assert.That(Transfer(given), Is.EqualTo(GrantStatus.BadPage), "nor give it again");
        Assert.That(Transfer(Attacker.Frames[16]), Is.EqualTo(GrantStatus.GeneralError), "an entry accepts one frame");
    }

    [Test]
    public void A_frame_that_is_given_while_its_giver_maps_it_is_one_or_the_other()
    {
        Accept();
        var flushed = Attacker.Victim.FlushedAt;
        var frame = Attacker.Frames[3];
        Assert.That(Update(Attacker.Safe[7].Address | 3 * 8, 0), Is.Zero);
        Neighbour.Domain.MaxPages++;
        Assert.That(Transfer(frame), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Attacker.Victim.FlushIsPending || Attacker.Victim.FlushedAt > flushed, "vCPU 0 could still reach it");
    }

    private void Accept()
    {
        Neighbour.Put(0, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = List });
        Assert.That(Neighbour.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, 0, 1), Is.Zero);
        At<ulong>(Neighbour.Get<Mfn>(List), 9 * 8) = (ulong)GrantEntryFlags.AcceptTransfer | (ulong)Attacker.Domain.Id.Value << 16 | 7ul << 32;
    }

    private GrantStatus Transfer(Mfn frame)
    {
        Attacker.Put(0, new GrantTableTransfer { Mfn = frame, Domain = Neighbour.Domain.Id, Ref = new GrantRef(9) });
        Assert.That(Attacker.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.Transfer, 0, 1), Is.Zero);
        return Attacker.Get<GrantTableTransfer>(0).Status;
    }

    private long Exchange(Mfn first, uint outOrder = 0, ulong count = 1)
    {
        Attacker.Put(List, first);
        Attacker.Put(Slots, 5ul);
        return Memory(MemoryOperation.Exchange, new MemoryExchange
        {
            In = new MemoryReservation { ExtentStart = List, ExtentCount = count, Domain = DomId.Self },
            Out = new MemoryReservation { ExtentStart = Slots, ExtentCount = 1, ExtentOrder = outOrder, Domain = DomId.Self },
        });
    }
}
