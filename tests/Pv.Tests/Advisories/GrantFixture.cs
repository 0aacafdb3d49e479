using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.Core;

namespace Pv.Tests.Advisories;

/// <summary>The neighbour has a table of grants, in which it offers frames to the attacker, and the attacker has one, too.</summary>
internal abstract class GrantFixture : AdvisoryFixture
{
    protected const uint Ref = 9;

    protected Mfn NeighbourTable { get; private set; }

    protected Mfn AttackerTable { get; private set; }

    [SetUp]
    public void MakeTables() => (NeighbourTable, AttackerTable) = (MakeTable(Neighbour), MakeTable(Attacker));

    /// <summary>The entry of the attacker's first L1 table for a page, by its machine address.</summary>
    protected ulong EntryOf(int page) => Attacker.Safe[7].Address | (uint)page * sizeof(ulong);

    /// <summary>The neighbour's entry says that the attacker may use a frame.</summary>
    protected void Offer(uint reference, Mfn frame, GrantEntryFlags flags = GrantEntryFlags.PermitAccess)
        => At<ulong>(NeighbourTable, reference * 8) = Entry(frame, flags, Attacker.Domain.Id);

    protected static ulong Entry(Mfn frame, GrantEntryFlags flags, DomId user) => (ulong)flags | (ulong)user.Value << 16 | frame.Value << 32;

    /// <summary>The marks of use in one of the neighbour's entries.</summary>
    protected GrantEntryFlags Marks(uint reference)
        => (GrantEntryFlags)(ushort)At<ulong>(NeighbourTable, reference * 8) & (GrantEntryFlags.Reading | GrantEntryFlags.Writing);

    protected GrantTableMapGrantRef MapArgument(uint reference, ulong at, GrantMapFlags flags = GrantMapFlags.HostMap | GrantMapFlags.ContainsPte)
        => new() { HostAddress = at, Flags = flags, Ref = new GrantRef(reference), Domain = Neighbour.Domain.Id };

    protected GrantTableMapGrantRef Map(uint reference, ulong at, GrantMapFlags flags = GrantMapFlags.HostMap | GrantMapFlags.ContainsPte)
        => Grants(GrantTableOperation.MapGrantRef, MapArgument(reference, at, flags));

    protected GrantStatus Unmap(uint handle, ulong at)
        => Grants(GrantTableOperation.UnmapGrantRef, new GrantTableUnmapGrantRef { HostAddress = at, Handle = handle }).Status;

    /// <summary>A grant operation of the attacker's on one element, as it comes back.</summary>
    protected T Grants<T>(GrantTableOperation operation, T element) where T : unmanaged
    {
        Attacker.Put(0, element);
        Assert.That(Attacker.Call(HypercallNumber.GrantTableOp, (ulong)operation, 0, 1), Is.Zero);
        return Attacker.Get<T>(0);
    }

    private static Mfn MakeTable(TestGuest guest)
    {
        guest.Put(0, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = TestGuest.FrameListAddress });
        Assert.That(guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, 0, 1), Is.Zero);
        return new Mfn(guest.Get<ulong>(TestGuest.FrameListAddress));
    }
}
