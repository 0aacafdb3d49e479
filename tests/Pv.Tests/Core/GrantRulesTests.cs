using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>Grants, version 1: Dom0 maps and copies what a guest offers, and a guest that ends while it is mapped.</summary>
[TestFixture]
internal sealed class GrantRulesTests
{
    private const uint Ref = 9;
    private const ulong Slot = 0x40_0000;

    private TestMachine _machine = null!;
    private TestGuest _guest = null!;
    private Mfn _table;

    [SetUp]
    public void Make()
    {
        _machine = new TestMachine();
        _guest = new TestGuest(_machine, 4);
        var setup = new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = TestGuest.FrameListAddress };
        Assert.That(_guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, _guest.Put(0, setup), 1), Is.Zero);
        _table = new Mfn(_guest.Get<ulong>(TestGuest.FrameListAddress));
    }

    [TearDown]
    public void LeaveNothing()
    {
        foreach (var domain in _machine.Core.Domains.Snapshot().Where(domain => domain.Id != DomId.Dom0))
            _machine.Destroy(domain);
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
        _machine.Dispose();
    }

    [Test]
    public void A_map_shows_in_the_entry_as_long_as_it_lasts()
    {
        Offer(GrantEntryFlags.PermitAccess);
        var map = Map(GrantMapFlags.HostMap);
        Assert.That(map.Status, Is.EqualTo(GrantStatus.Okay));
        Assert.That(Flags, Is.EqualTo(GrantEntryFlags.PermitAccess | GrantEntryFlags.Reading | GrantEntryFlags.Writing));
        var second = Map(GrantMapFlags.HostMap | GrantMapFlags.ReadOnly, Slot + 0x1000);
        Assert.That(Unmap(map.Handle, Slot), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Flags, Is.EqualTo(GrantEntryFlags.PermitAccess | GrantEntryFlags.Reading), "the other map only reads");
        Assert.That(Unmap(second.Handle, Slot + 0x1000), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Flags, Is.EqualTo(GrantEntryFlags.PermitAccess));
        Assert.That(Unmap(map.Handle, Slot), Is.EqualTo(GrantStatus.BadHandle), "it is gone");
    }

    [Test]
    public void What_is_not_offered_is_not_mapped()
    {
        Assert.That(Map(GrantMapFlags.HostMap).Status, Is.EqualTo(GrantStatus.GeneralError), "an invalid entry");
        Offer(GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly);
        Assert.That(Map(GrantMapFlags.HostMap).Status, Is.EqualTo(GrantStatus.GeneralError), "writing a read-only one");
        Assert.That(Flags, Is.EqualTo(GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly), "a refusal leaves no mark");
        Offer(GrantEntryFlags.PermitAccess, to: new DomId(77));
        Assert.That(Map(GrantMapFlags.HostMap).Status, Is.EqualTo(GrantStatus.GeneralError), "offered to another");
        Offer(GrantEntryFlags.PermitAccess, frame: _guest.Safe[3]);
        Assert.That(Map(GrantMapFlags.HostMap).Status, Is.EqualTo(GrantStatus.GeneralError), "a page table, for writing");
        var readOnly = Map(GrantMapFlags.HostMap | GrantMapFlags.ReadOnly);
        Assert.That(readOnly.Status, Is.EqualTo(GrantStatus.Okay), "a page table, for reading");
        Assert.That(Map(GrantMapFlags.HostMap | GrantMapFlags.ReadOnly).Status, Is.EqualTo(GrantStatus.GeneralError), "the place is taken");
        Assert.That(Unmap(readOnly.Handle, Slot), Is.EqualTo(GrantStatus.Okay));
    }

    [Test]
    public void A_writable_map_keeps_a_frame_from_becoming_a_page_table()
    {
        Offer(GrantEntryFlags.PermitAccess);
        var map = Map(GrantMapFlags.HostMap);
        // The guest's own map of the frame goes first.
        Assert.That(_guest.Update(_guest.Safe[7].Address, 0), Is.Zero);
        Assert.That(_guest.Extended(MmuExtOperation.PinL1Table, _guest.Frames[0].Value), Is.EqualTo(-(long)Errno.EINVAL));
        Assert.That(Unmap(map.Handle, Slot), Is.EqualTo(GrantStatus.Okay));
        Assert.That(_guest.Extended(MmuExtOperation.PinL1Table, _guest.Frames[0].Value), Is.Zero);
    }

    [Test]
    public void A_domain_that_ends_while_it_is_mapped_stays_until_it_is_not()
    {
        Offer(GrantEntryFlags.PermitAccess);
        _machine.Core.Memory.Words(_guest.Frames[0])[3] = 42;
        var map = Map(GrantMapFlags.HostMap);
        _machine.Destroy(_guest.Domain);
        Assert.That(_machine.Core.Domains.Find(_guest.Domain.Id), Is.SameAs(_guest.Domain));
        Assert.That(_guest.Domain.Life, Is.EqualTo(DomainLife.Dead));
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart - 1));
        Assert.That(_machine.Core.Dom0.Page(Pfn.OfAddress(Slot)).ReadUInt64Acquire(24), Is.EqualTo(42), "the page is the mapper's to read");
        Assert.That(Map(GrantMapFlags.HostMap, Slot + 0x1000).Status, Is.EqualTo(GrantStatus.BadDomain));
        Assert.That(Unmap(map.Handle, Slot), Is.EqualTo(GrantStatus.Okay));
        Assert.That(_machine.Core.Domains.Find(_guest.Domain.Id), Is.Null);
    }

    [Test]
    public void A_copy_moves_bytes_within_what_was_offered()
    {
        Offer(GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly);
        _machine.Core.Memory.Words(_guest.Frames[0])[1] = 0x1234;
        var copy = new GrantTableCopy { Length = 8, Flags = GrantCopyFlags.SourceGrantRef };
        copy.Source.Domain = _guest.Domain.Id;
        copy.Source.Ref = new GrantRef(Ref);
        copy.Source.Offset = 8;
        copy.Destination.Domain = DomId.Self;
        copy.Destination.Gmfn = 5;
        copy.Destination.Offset = 16;
        Assert.That(Copy(copy), Is.EqualTo(GrantStatus.Okay));
        Assert.That(_machine.Core.Dom0.Page(new Pfn(5)).ReadUInt64Acquire(16), Is.EqualTo(0x1234));
        Assert.That(Copy(copy with { Length = 4096 }), Is.EqualTo(GrantStatus.BadCopyArgument), "beyond the page");
        var back = copy with { Flags = GrantCopyFlags.DestinationGrantRef };
        (back.Source, back.Destination) = (copy.Destination, copy.Source);
        Assert.That(Copy(back), Is.EqualTo(GrantStatus.GeneralError), "into a read-only one");
        Assert.That(Flags, Is.EqualTo(GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly));
    }

    private GrantEntryFlags Flags => (GrantEntryFlags)(ushort)_machine.Core.Memory.Words(_table)[(int)Ref];

    private void Offer(GrantEntryFlags flags, DomId to = default, Mfn? frame = null)
        => _machine.Core.Memory.Words(_table)[(int)Ref] = (ulong)flags | (ulong)to.Value << 16 | (frame ?? _guest.Frames[0]).Value << 32;

    private GrantTableMapGrantRef Map(GrantMapFlags flags, ulong at = Slot)
    {
        var map = new GrantTableMapGrantRef { HostAddress = at, Flags = flags, Ref = new GrantRef(Ref), Domain = _guest.Domain.Id };
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, ref map, 1), Is.Zero);
        return map;
    }

    private GrantStatus Unmap(uint handle, ulong at)
    {
        var unmap = new GrantTableUnmapGrantRef { HostAddress = at, Handle = handle };
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef, ref unmap, 1), Is.Zero);
        return unmap.Status;
    }

    private GrantStatus Copy(GrantTableCopy copy)
    {
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.Copy, ref copy, 1), Is.Zero);
        return copy.Status;
    }
}
