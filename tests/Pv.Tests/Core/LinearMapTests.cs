using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Memory;

namespace Pv.Tests.Core;

/// <summary>Tables that show themselves as memory must not be written by the rules of another level.</summary>
[TestFixture]
internal sealed class LinearMapTests
{
    private const int Window = 9, Hole = 20;
    private const ulong ReadOnly = 0x25;

    [Test]
    public void An_address_that_leads_to_an_L2_table_through_itself_is_no_L1_entry()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 2);
        var l2 = guest.Safe[6];
        Assert.That(guest.Update(l2.Address | Window * 8, l2.Address | ReadOnly), Is.Zero, "a linear map is allowed");
        const ulong address = (ulong)Window << 21 | (ulong)Hole << 12;
        // A frame full of what the guest likes, which would be its page table.
        var result = guest.Call(guest.Victim, HypercallNumber.UpdateVaMapping, address, guest.Frames[0].Address | 0x67);
        Assert.That(result, Is.EqualTo(-(long)Errno.EINVAL));
        Assert.That(machine.Core.Memory.Words(l2)[Hole], Is.Zero);
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void A_grant_is_not_mapped_where_an_L2_table_shows_itself()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 2);
        var setup = new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = TestGuest.FrameListAddress };
        guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, guest.Put(0, setup), 1);
        machine.Core.Memory.Words(new Mfn(guest.Get<ulong>(TestGuest.FrameListAddress)))[9] =
            (ulong)GrantEntryFlags.PermitAccess | (ulong)guest.Domain.Id.Value << 16 | guest.Frames[0].Value << 32;
        var l2 = guest.Safe[2];
        Assert.That(guest.Update(l2.Address | Window * 8, l2.Address | ReadOnly), Is.Zero);
        foreach (var (at, flags) in new[]
        {
            ((ulong)Window << 21 | (ulong)Hole << 12, GrantMapFlags.HostMap),
            (l2.Address | Hole * 8, GrantMapFlags.HostMap | GrantMapFlags.ContainsPte),
        })
        {
            guest.Put(0, new GrantTableMapGrantRef { HostAddress = at, Flags = flags, Ref = new GrantRef(9), Domain = guest.Domain.Id });
            Assert.That(guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, 0, 1), Is.Zero);
            Assert.That(guest.Get<GrantTableMapGrantRef>(0).Status, Is.Not.EqualTo(GrantStatus.Okay));
            Assert.That(machine.Core.Memory.Words(l2)[Hole], Is.Zero);
        }
        machine.Destroy(guest.Domain);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }

    [Test]
    public void A_frame_that_is_given_back_while_mapped_is_forgotten_before_it_is_free()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 2);
        guest.Put(TestGuest.FrameListAddress, guest.Frames[0]);
        guest.Put(0, new MemoryReservation { ExtentStart = TestGuest.FrameListAddress, ExtentCount = 1, Domain = DomId.Self });
        Assert.That(guest.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.DecreaseReservation, 0), Is.EqualTo(1));
        Assert.That(machine.Core.Frames.References(guest.Frames[0]), Is.EqualTo(1), "its entry holds it");
        var free = machine.Core.FreeFrames;
        var flushes = ((ScriptedVcpu)guest.Victim.Engine!).Flushes;
        var pending = guest.Victim.FlushIsPending;
        Assert.That(guest.Update(guest.Safe[7].Address, 0), Is.Zero);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(free + 1));
        Assert.That(guest.Victim.FlushIsPending || ((ScriptedVcpu)guest.Victim.Engine!).Flushes > flushes || pending, "vCPU 0 could still reach it");
        Assert.That(machine.Core.PageTypes.TypeOf(guest.Safe[7]), Is.EqualTo(FrameType.L1Table));
        machine.Destroy(guest.Domain);
    }
}
