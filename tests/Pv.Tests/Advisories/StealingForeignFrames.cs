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
        using var stop = new CancellationTokenSource();
        var attack = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
                Exchange(wanted);
        });
        var refused = 0;
        for (var i = 0; i < 30_000; i++)
        {
            if (Neighbour.Update(wanted.Address | (ulong)MmuUpdateKind.MachinePhysical, (ulong)i) != 0)
                refused++;
        }
        stop.Cancel();
        attack.Wait();
        Assert.That(refused, Is.Zero);
    }

    [Test]
    public void A_transfer_is_refused_whatever_is_transferred()
    {
        foreach (var frame in new[] { Attacker.Frames[13], Attacker.Frames[0], Neighbour.Frames[0], new Mfn(ulong.MaxValue) })
        {
            var before = FrameAccounts.Take(Machine.Core);
            Attacker.Put(0, new GrantTableTransfer { Mfn = frame, Domain = Neighbour.Domain.Id, Ref = new GrantRef(9) });
            Assert.That(Attacker.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.Transfer, 0, 1), Is.Zero);
            Assert.That(Attacker.Get<GrantTableTransfer>(0).Status, Is.EqualTo(GrantStatus.BadPage));
            AssertAsBefore(before);
        }
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
