using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-109, XSA-113. A guest names another domain where only a toolstack may.</summary>
[TestFixture]
internal sealed class ForeignDomainArguments : AdvisoryFixture
{
    [Test]
    public void Page_tables_and_frames_of_others_are_refused()
    {
        var neighbour = Neighbour.Domain.Id.Value;
        Attacker.Put(0, new MmuUpdate { Pointer = Neighbour.Safe[7].Address, Value = 0 });
        AssertRefused(() => Attacker.Call(HypercallNumber.MmuUpdate, 0, 1, 0, neighbour), "its frames");
        AssertRefused(() => Attacker.Call(HypercallNumber.MmuUpdate, 0, 1, 0, (neighbour + 1ul) << 16 | DomId.Self.Value), "its tables");
        AssertRefused(() => Attacker.Call(HypercallNumber.MmuUpdate, 0, 1, 0, DomId.Self.Value), "by number alone");
        AssertRefused(() => Attacker.Call(HypercallNumber.MmuUpdate, 0, 1, 0, DomId.Io.Value));
        AssertRefused(() => Attacker.Call(HypercallNumber.MmuUpdate, 0, 1, 0, DomId.Xen.Value));
        Attacker.Put(0, new MmuExt { Operation = MmuExtOperation.PinL1Table, Argument1 = Neighbour.Frames[FirstUnmapped].Value });
        AssertRefused(() => Attacker.Call(HypercallNumber.MmuExtOp, 0, 1, 0, neighbour));
        AssertRefused(() => Attacker.Call(HypercallNumber.MmuExtOp, 0, 1, 0, DomId.Self.Value));
        AssertRefused(() => Attacker.Call(HypercallNumber.UpdateVaMappingOtherDomain, 0x1000, Neighbour.Frames[0].Address | PresentUser, 0, neighbour));
        AssertRefused(() => Attacker.Call(Attacker.Victim, HypercallNumber.UpdateVaMapping, 0x1000, Neighbour.Frames[0].Address | PresentUser));
    }

    [Test]
    public void The_machine_to_physical_table_changes_for_own_frames_only()
    {
        var before = Machine.Core.MachineToPhysical[Neighbour.Frames[0]];
        foreach (var frame in new[] { Neighbour.Frames[0], new Mfn(0), new Mfn(Machine.Core.Frames.Length), new Mfn(1ul << 40) })
            AssertRefused(Errno.EINVAL, () => Update(frame.Address | (ulong)MmuUpdateKind.MachinePhysical, 5), $"{frame}");
        Assert.That(Machine.Core.MachineToPhysical[Neighbour.Frames[0]], Is.EqualTo(before));
    }

    [Test]
    public void Control_of_domains_and_of_the_machine_is_not_a_guests()
    {
        foreach (var number in new[] { HypercallNumber.Domctl, HypercallNumber.Sysctl, HypercallNumber.PlatformOp, HypercallNumber.KexecOp })
            AssertRefused(() => Attacker.Call(number, 0), $"{number}");
        AssertRefused(Errno.EPERM, () => Attacker.Call(HypercallNumber.ConsoleIo, 0, 4096, 0));
        AssertRefused(Errno.EPERM, () => Call(HypercallNumber.SchedOp, (ulong)SchedOperation.RemoteShutdown, new SchedRemoteShutdown { Domain = Neighbour.Domain.Id }));
        Assert.That(Neighbour.Domain.Shutdown, Is.Null);
    }

    [Test]
    public void Ports_and_grant_tables_of_others_are_refused()
    {
        AssertRefused(Errno.EPERM, () => Events(EventChannelOperation.AllocUnbound,
            new EventChannelAllocUnbound { Domain = Neighbour.Domain.Id, RemoteDomain = DomId.Self }));
        AssertRefused(Errno.EPERM, () => Events(EventChannelOperation.Status, new EventChannelStatus { Domain = Neighbour.Domain.Id, Port = new EventPort(1) }));
        foreach (var operation in new[] { GrantTableOperation.SetupTable, GrantTableOperation.QuerySize, GrantTableOperation.GetStatusFrames })
        {
            var before = FrameAccounts.Take(Machine.Core);
            // All three begin with domain and count, in either order.
            Attacker.Put(0, Neighbour.Domain.Id.Value | (ulong)Neighbour.Domain.Id.Value << 32);
            Attacker.Put(8, 0ul);
            Attacker.Put(16, 0ul);
            Assert.That(Attacker.Call(HypercallNumber.GrantTableOp, (ulong)operation, 0, 1), Is.Zero);
            AssertAsBefore(before, $"{operation}");
        }
        AssertRefused(Errno.EPERM, () =>
        {
            Attacker.Put(0, new GrantTableGetVersion { Domain = Neighbour.Domain.Id });
            return Attacker.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.GetVersion, 0, 1);
        });
    }
}
