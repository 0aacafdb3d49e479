using System.Runtime.InteropServices;
using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Auditing;

/// <summary>Faults that random calls and their audits found, each by the shortest way to it. The audit at the machine's end is part of each test.</summary>
[TestFixture]
internal sealed class AccountFaultTests
{
    private const ulong HeldPage = 500;

    private TestMachine _machine = null!;
    private TestGuest _guest = null!;

    [SetUp]
    public void MakeGuest()
    {
        _machine = new TestMachine();
        _guest = new TestGuest(_machine, 16);
    }

    [TearDown]
    public void Audit_at_the_end() => _machine.Dispose();

    /// <summary>A C# guest's domain that has ended, of which Dom0 holds a page at <see cref="HeldPage"/>, so that it stays in the table.</summary>
    private Domain MakeDeadDomain()
    {
        var dying = _machine.CreateDomain(8, managed: true);
        ulong[] numbers = [0, HeldPage, 0];
        using var pin = HostPin.Of(numbers);
        var add = new AddToPhysmapBatch
        {
            Domain = DomId.Self, Space = (ushort)PhysmapSpace.GmfnForeign, Size = 1, Extra = new AddToPhysmapBatchExtra { ForeignDomain = dying.Id },
            Indices = pin.Address, Gpfns = pin.Address + 8, Errors = pin.Address + 16,
        };
        Assert.That(Memory(MemoryOperation.AddToPhysmapBatch, add), Is.Zero);
        _machine.Destroy(dying);
        return dying;
    }

    private long Remove(DomId domain, ulong pfn) => Memory(MemoryOperation.RemoveFromPhysmap, new RemoveFromPhysmap { Domain = domain, Gpfn = new Pfn(pfn) });

    /// <summary>A call of Dom0's.</summary>
    private long Memory<T>(MemoryOperation operation, T argument) where T : unmanaged
        => HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)operation, ref argument);

    private long Event<T>(EventChannelOperation operation, T argument) where T : unmanaged
        => _guest.Call(HypercallNumber.EventChannelOp, (ulong)operation, _guest.Put(0, argument));

    [Test]
    public void An_argument_larger_than_a_page_is_read_by_the_callers_page_tables_and_not_beyond_its_frame()
    {
        // Two pages that are neighbours for the guest, and strangers on the machine.
        var (first, second) = (_guest.Frames[8], _guest.Frames[2]);
        const ulong address = 0x10000;
        foreach (var (page, frame) in new[] { (0, first), (1, second) })
            _machine.Core.Memory.Words(_guest.Safe[3])[16 + page] = 0;
        Assert.That(_guest.Update(_guest.Safe[3].Address | 16 * 8, first.Address | TestGuest.PresentUser | TestGuest.Writable), Is.Zero);
        Assert.That(_guest.Update(_guest.Safe[3].Address | 17 * 8, second.Address | TestGuest.PresentUser | TestGuest.Writable), Is.Zero);
        var context = new VcpuGuestContext { Flags = VcpuContextFlags.InKernel, GsBaseUser = 0x1234_5000 };
        context.ControlRegisters[3] = _guest.Safe[4].Address;
        var bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<VcpuGuestContext>(in context));
        bytes[..PageSize.Bytes].CopyTo(_machine.Core.Memory.Frame(first));
        bytes[PageSize.Bytes..].CopyTo(_machine.Core.Memory.Frame(second));
        // What stands behind the first frame on the machine is another's: no table, and a secret.
        _machine.Core.Memory.Frame(first.Plus(1)).Fill(0x55);
        _machine.Core.PageTypes.ReleaseVcpu(_guest.Victim);
        Assert.That(_guest.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.Initialise, 0, address), Is.Zero);
        Assert.That(_guest.Victim.Traps.UserGsBase(_guest.Victim.Registers), Is.EqualTo(0x1234_5000));
    }

    [Test]
    public void A_global_interrupt_that_moved_to_another_vcpu_can_be_bound_again_after_its_end()
    {
        Assert.That(Event(EventChannelOperation.BindVirq, new EventChannelBindVirq { Virq = VirtualIrq.Arch1 }), Is.Zero);
        var port = _guest.Get<EventChannelBindVirq>(0).Port;
        Assert.That(Event(EventChannelOperation.BindVcpu, new EventChannelBindVcpu { Port = port, Vcpu = new VcpuId(1) }), Is.Zero);
        Assert.That(Event(EventChannelOperation.Close, new EventChannelClose { Port = port }), Is.Zero);
        Assert.That(Event(EventChannelOperation.BindVirq, new EventChannelBindVirq { Virq = VirtualIrq.Arch1 }), Is.Zero);
        Assert.That(_guest.Get<EventChannelBindVirq>(0).Port, Is.EqualTo(port));
    }

    [Test]
    public void A_domain_that_ends_while_its_reset_is_stopped_half_way_leaves_no_port_and_no_frame()
    {
        Assert.That(Event(EventChannelOperation.InitControl, new EventChannelInitControl { ControlGfn = _guest.Frames[0].Value }), Is.Zero);
        for (var i = 0; i < 100; i++)
            Assert.That(Event(EventChannelOperation.AllocUnbound, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = DomId.Dom0 }), Is.Zero);
        _machine.Core.PreemptionChooser = _ => true;
        var registers = new HypercallRegisters((ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Reset, _guest.Put(0, new EventChannelReset { Domain = DomId.Self }));
        Assert.That(_guest.Enter(_guest.Caller, ref registers).Outcome, Is.EqualTo(Hypervisor.Hypercalls.HypercallOutcome.Continue));
        _machine.Core.PreemptionChooser = _ => false;
        Assert.That(Event(EventChannelOperation.AllocUnbound, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = DomId.Dom0 }), Is.Zero);
        _machine.Destroy(_guest.Domain);
        Assert.That(_machine.Core.Domains.Find(_guest.Domain.Id), Is.Null, "nothing of it is left");
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
    }

    [Test]
    public void The_map_of_a_dead_domain_names_no_frame_that_is_anothers_by_then()
    {
        var dying = MakeDeadDomain();
        Assert.That(dying.Life, Is.EqualTo(DomainLife.Dead));
        var other = _machine.CreateDomain(8);
        for (ulong pfn = 1; pfn < 8; pfn++)
            Assert.That(Remove(dying.Id, pfn), Is.EqualTo(Errno.ENOENT.ToReturn()));
        Assert.That(other.TotalPages, Is.EqualTo(8));
        Assert.That(Remove(DomId.Self, HeldPage), Is.Zero);
        Assert.That(_machine.Core.Domains.Find(dying.Id), Is.Null);
    }

    [Test]
    public void A_grant_table_that_memory_lets_grow_half_way_can_be_used_as_far_as_it_goes()
    {
        var hog = _machine.CreateDomain(1);
        _machine.ControlOrThrow(DomctlOperation.MaxMemory, hog.Id, new DomctlMaxMemory { MaxMemoryKib = 1 << 20 });
        // One frame is left for a table of two.
        while (_machine.Core.FreeFrames > 1)
            _machine.Populate(hog.Id, 1);
        var setup = _guest.Put(0, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 2, FrameList = TestGuest.FrameListAddress });
        Assert.That(_guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, setup, 1), Is.Zero);
        Assert.That(_guest.Get<GrantTableSetupTable>(0).Status, Is.EqualTo(GrantStatus.GeneralError));
        // Nobody granted anything, and to look must not fail inside.
        Assert.That(_guest.Domain.Grants.TryPin(new GrantRef(300), DomId.Dom0, true, out _), Is.EqualTo(GrantStatus.GeneralError));
        // Nor is there a frame for the status words of version 2: nothing is kept of the attempt.
        var version = _guest.Put(0, new GrantTableSetVersion { Version = 2 });
        Assert.That(_guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetVersion, version, 1), Is.EqualTo(Errno.ENOMEM.ToReturn()));
    }

    [Test]
    public void An_answer_is_not_written_through_a_grant_that_may_only_be_read()
    {
        // The guest grants a page table of its own, which is right as long as nobody writes to it.
        var setup = _guest.Put(0, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = TestGuest.FrameListAddress });
        Assert.That(_guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, setup, 1), Is.Zero);
        var entries = _machine.Core.Memory.Words(new Mfn(_guest.Get<ulong>(TestGuest.FrameListAddress)));
        var mapper = _machine.CreateDomain(8, managed: true);
        entries[9] = (ulong)(GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly) | (ulong)mapper.Id.Value << 16 | _guest.Safe[7].Value << 32;
        const ulong at = 0x20_0000;
        mapper.PhysicalMap!.Get(new Pfn(0), out var page);
        _machine.Core.Memory.At<GrantTableMapGrantRef>(page.Address) = new GrantTableMapGrantRef
        {
            HostAddress = at, Flags = GrantMapFlags.HostMap | GrantMapFlags.ReadOnly, Ref = new GrantRef(9), Domain = _guest.Domain.Id,
        };
        Assert.That(Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, 0, 1), Is.Zero);
        Assert.That(_machine.Core.Memory.At<GrantTableMapGrantRef>(page.Address).Status, Is.EqualTo(GrantStatus.Okay));
        Assert.That(Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.MachphysMapping, at), Is.EqualTo(Errno.EFAULT.ToReturn()));

        long Call(HypercallNumber number, ulong first, ulong second, ulong third = 0) => _guest.Call(mapper.Vcpus[0]!, number, first, second, third);
    }

    [Test]
    public void Nothing_is_entered_in_the_map_of_a_dead_domain()
    {
        var dying = MakeDeadDomain();
        Assert.That(Memory(MemoryOperation.AddToPhysmap, new AddToPhysmap { Domain = dying.Id, Space = PhysmapSpace.SharedInfo, Gpfn = new Pfn(600) }), Is.EqualTo(Errno.ESRCH.ToReturn()));
        Assert.That(Remove(DomId.Self, HeldPage), Is.Zero);
    }

    [Test]
    public void Dom0_gives_its_own_vcpu_no_state_that_a_pcpu_would_run()
    {
        var contexts = new VcpuGuestContext[1];
        using var pin = HostPin.Of(contexts);
        var (domain, set) = (DomId.Dom0, new DomctlVcpuContext { Context = pin.Address });
        Assert.That(_machine.Control(DomctlOperation.SetVcpuContext, ref domain, ref set), Is.EqualTo(Errno.EINVAL.ToReturn()));
        Assert.That(_machine.Dom0.Vcpus[0]!.IsOnline, Is.False);
    }

    [Test]
    public void A_large_descriptor_table_that_was_stopped_and_given_up_for_a_smaller_one_leaves_no_frame_held()
    {
        for (var i = 0; i < 3; i++)
        {
            // No vCPU may have them mapped writable.
            Assert.That(_guest.Update(_guest.Safe[7].Address | (uint)i * 8, 0), Is.Zero);
            _guest.Put((ulong)i * 8, _guest.Frames[i].Value);
        }
        _machine.Core.PreemptionChooser = _ => true;
        var registers = new HypercallRegisters((ulong)HypercallNumber.SetGdt, 0, 3 * 512);
        for (var i = 0; i < 3; i++)
            _guest.Put((ulong)i * 8, _guest.Frames[i].Value);
        Assert.That(_guest.Enter(_guest.Caller, ref registers).Outcome, Is.EqualTo(Hypervisor.Hypercalls.HypercallOutcome.Continue));
        _machine.Core.PreemptionChooser = _ => false;
        Assert.That(_guest.Call(HypercallNumber.SetGdt, 0, 0), Is.Zero);
        _machine.Destroy(_guest.Domain);
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
    }
}
