using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Events;
using Pv.Hypervisor.Paging;
using Pv.Tests.Core;

namespace Pv.Tests.Auditing;

/// <summary>An audit finds each kind of account that is wrong, and nothing on a machine where all is right.</summary>
[TestFixture]
internal sealed class MachineAuditTests
{
    private TestMachine _machine = null!;
    private TestGuest _guest = null!;
    private MachineAudit _audit = null!;

    [SetUp]
    public void MakeGuest()
    {
        _machine = new TestMachine();
        _guest = new TestGuest(_machine, 8);
        _audit = new MachineAudit(_machine.Core);
    }

    // What a test broke is mended by it, so that the machine's own audit at its end finds nothing.
    [TearDown]
    public void Audit_at_the_end() => _machine.Dispose();

    private string Find()
    {
        var findings = _audit.Look();
        return findings.AreNone ? "" : string.Join('\n', findings.Words);
    }

    [Test]
    public void Nothing_is_wrong_with_a_machine_at_work()
    {
        Assert.That(_guest.Extended(MmuExtOperation.PinL4Table, _guest.Safe[0].Value), Is.Zero);
        Assert.That(_guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindVirq, _guest.Put(0, new EventChannelBindVirq { Virq = VirtualIrq.Debug })), Is.Zero);
        Assert.That(Find(), Is.Empty);
        Assert.That(_audit.Findings.Looked, Is.GreaterThan(_machine.Core.Memory.FrameCount), "it looked at all frames, and at entries and ports");
        Assert.That(new MachineAudit(_machine.Core).StopAndLook().AreNone);
    }

    [Test]
    public void A_reference_that_nobody_holds_is_found()
    {
        var frame = _guest.Frames[0];
        _machine.Core.Frames.GetAnother(frame);
        Assert.That(Find(), Does.Contain($"{frame} of {_guest.Domain.Id} has 3 references, and 2 are held"));
        _machine.Core.Frames.Put(frame);
    }

    [Test]
    public void A_use_that_nobody_holds_is_found()
    {
        var frame = _guest.Frames[0];
        _machine.Core.Frames[frame].Use++;
        Assert.That(Find(), Does.Contain($"{frame} of {_guest.Domain.Id} has 2 uses as Writable, and 1 are held"));
        _machine.Core.Frames[frame].Use--;
    }

    [Test]
    public void A_page_table_that_is_mapped_writable_is_found()
    {
        // As if a validation had overlooked it: the last slot of the L1 table maps the L2 table.
        ref var slot = ref _machine.Core.Memory.Words(_guest.Safe[7])[511];
        slot = _guest.Safe[6].Address | TestGuest.PresentUser | TestGuest.Writable;
        Assert.That(Find(), Does.Contain($"a page table's entry uses {_guest.Safe[6]} as Writable, and it is L2Table"));
        slot = 0;
    }

    [Test]
    public void Frames_of_others_and_of_the_hypervisor_in_a_table_are_found()
    {
        ref var slot = ref _machine.Core.Memory.Words(_guest.Safe[7])[511];
        _machine.Dom0.PhysicalMap!.Get(new Pfn(1), out var foreign);
        slot = foreign.Address | TestGuest.PresentUser;
        Assert.That(Find(), Does.Contain($"{_guest.Domain.Id} maps {foreign} of another domain, and no grant allows it"));
        slot = _machine.Core.MachineToPhysical.L3.Address | TestGuest.PresentUser;
        Assert.That(Find(), Does.Contain("maps what is no guest's"));
        slot = 0;
    }

    [Test]
    public void A_changed_slot_of_xens_is_found()
    {
        ref var slot = ref _machine.Core.Memory.Words(_guest.Safe[4])[EntryRules.FirstReservedSlot + 2];
        slot = _guest.Frames[0].Address | TestGuest.PresentUser;
        Assert.That(Find(), Does.Contain($"the L4 table {_guest.Safe[4]} has something else in Xen's slots"));
        slot = 0;
    }

    [Test]
    public void A_wrong_number_of_frames_is_found()
    {
        _guest.Domain.TotalPages++;
        Assert.That(Find(), Does.Contain($"{_guest.Domain.Id} has {_guest.Domain.TotalPages - 1} frames, and counts {_guest.Domain.TotalPages}"));
        _guest.Domain.TotalPages--;
    }

    [Test]
    public void More_frames_than_a_domain_may_have_are_found()
    {
        Assert.That(Find(), Is.Empty);
        var most = _guest.Domain.MaxPages;
        _guest.Domain.MaxPages = most + 1;
        _machine.Populate(_guest.Domain.Id, 1);
        _guest.Domain.MaxPages = most;
        Assert.That(Find(), Does.Contain($"{_guest.Domain.Id} has {most + 1} frames, {most} before, and may have {most}"));
        Assert.That(Find(), Is.Empty, "a toolstack may lower the limit below what is there");
    }

    [Test]
    public void A_channel_whose_other_end_knows_nothing_is_found()
    {
        var allocate = _guest.Put(0, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = _guest.Domain.Id });
        Assert.That(_guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound, allocate), Is.Zero);
        var port = _guest.Get<EventChannelAllocUnbound>(0).Port;
        Assert.That(_guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindInterdomain,
            _guest.Put(0, new EventChannelBindInterdomain { RemoteDomain = _guest.Domain.Id, RemotePort = port })), Is.Zero);
        Assert.That(Find(), Is.Empty);
        var channel = PortOf(port);
        channel.State = EventChannelState.Unbound;
        Assert.That(Find(), Does.Contain("knows nothing of it"));
        channel.State = EventChannelState.Interdomain;
    }

    [Test]
    public void A_grant_that_is_in_use_and_not_mapped_is_found()
    {
        var setup = _guest.Put(0, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = TestGuest.FrameListAddress });
        Assert.That(_guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, setup, 1), Is.Zero);
        var table = new Mfn(_guest.Get<ulong>(TestGuest.FrameListAddress));
        _machine.Core.Memory.Words(table)[9] = (ulong)GrantEntryFlags.PermitAccess | (ulong)_guest.Domain.Id.Value << 16 | _guest.Frames[1].Value << 32;
        Assert.That(_guest.Domain.Grants.TryPin(new GrantRef(9), _guest.Domain.Id, false, out _), Is.EqualTo(GrantStatus.Okay));
        Assert.That(Find(), Does.Contain($"{_guest.Domain.Id}'s grant 9 is in use 1 times (1 writable), and mapped 0 times (0)"));
        _guest.Domain.Grants.Unpin(new GrantRef(9), false);
        Assert.That(Find(), Is.Empty);
    }

    [Test]
    public void The_debug_key_says_what_is_wrong()
    {
        _machine.Core.Log.Read(clear: true);
        Hypervisor.Tracing.DebugKeys.Press(_machine.Core, 'k');
        Assert.That(_machine.Core.Log.Read(clear: true), Does.Contain("all accounts are right"));
        _guest.Domain.TotalPages++;
        Hypervisor.Tracing.DebugKeys.Press(_machine.Core, 'k');
        _guest.Domain.TotalPages--;
        Assert.That(_machine.Core.Log.Read(clear: true), Does.Contain("1 findings").And.Contain("and counts"));
    }

    private EventChannel PortOf(EventPort port) => _guest.Domain.Events.Channel(port)!;
}
