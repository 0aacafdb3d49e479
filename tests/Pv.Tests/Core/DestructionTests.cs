using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>A domain's end in stretches: how long each is, what holds between two, and what others hear of the dying domain.</summary>
[TestFixture]
internal sealed class DestructionTests
{
    private const int GuestFrames = 300, Tables = 100;

    private readonly WorkMeter _meter = new();
    private TestMachine _machine = null!;
    private TestGuest _guest = null!;

    [SetUp]
    public void Prepare()
    {
        _machine = new TestMachine(8192);
        _machine.Core.PreemptionChooser = _ => false;
        // Frames from Tables on are no memory of vCPU 0's, so that they can be tables.
        _guest = new TestGuest(_machine, GuestFrames, frame => frame < Tables, vcpus: 3);
    }

    [TearDown]
    public void End() => _machine.Dispose();

    [Test]
    public void Each_stretch_is_short_and_the_accounts_are_right_between_them()
    {
        _machine.Core.Meter = _meter;
        HoldAllThatThereIs();
        HoldForDom0(_guest.Frames[0], at: 3000);
        var (dom0Port, unbound) = Connect();

        var stretches = 0;
        for (var again = true; again; stretches++)
        {
            again = Stretch(_guest.Domain, out var result);
            Assert.That(result, Is.Zero);
            if (stretches < 10 || stretches % 64 == 0)
                AssertAccounts(stretches);
            if (again)
                AssertAnswersOfTheDying();
            if (stretches == 0)
                Assert.That(Bind(unbound), Is.EqualTo(-(long)Errno.EINVAL).Or.Zero, "the port may be closed by now");
        }
        Assert.That(stretches, Is.GreaterThan(100), "the tables alone are so many");
        Assert.That(_guest.Domain.Life, Is.EqualTo(DomainLife.Dead));
        Assert.That(_guest.Domain.TotalPages, Is.EqualTo(1), "what Dom0 holds");
        Assert.That(Dom0.Events.Channel(dom0Port)!.State, Is.EqualTo(EventChannelState.Unbound), "its other end went");
        Assert.That(Stretch(_guest.Domain, out var dead), Is.False, "nothing is left to do");
        Assert.That(dead, Is.Zero);

        Release(at: 3000);
        Assert.That(Stretch(_guest.Domain, out var gone), Is.False);
        Assert.That(gone, Is.EqualTo(-(long)Errno.ESRCH));
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
    }

    [Test]
    public void An_auto_translated_domain_whose_map_is_full()
    {
        const int frames = 2000, maps = 900;
        _machine.Core.Meter = _meter;
        var domain = _machine.CreateDomain(frames, managed: true, maptrackFrames: 4);
        var granted = Grant(domain.Id);
        for (ulong i = 0; i < maps; i++)
            Assert.That(MapInto(domain, granted, (ulong)frames + 100 + i * 5), Is.EqualTo(GrantStatus.Okay));
        // Far away, and nothing between.
        Assert.That(MapInto(domain, granted, 1ul << 24), Is.EqualTo(GrantStatus.Okay));
        var stretches = 0;
        while (Stretch(domain, out _))
        {
            if (++stretches % 16 == 0)
                AssertAccounts(stretches);
        }
        Assert.That(stretches, Is.GreaterThan(70), "the places of the map up to the last one, by their parts");
        Assert.That(_machine.Core.Domains.Find(domain.Id), Is.Null);
    }

    [Test]
    public void A_caller_that_gives_up_leaves_a_domain_for_the_next_one()
    {
        HoldAllThatThereIs();
        for (var i = 0; i < 30; i++)
            Assert.That(Stretch(_guest.Domain, out _));
        Assert.That(_guest.Domain.Life, Is.EqualTo(DomainLife.Dying));
        _machine.Destroy(_guest.Domain);
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
    }

    [Test]
    public void A_machine_that_ends_with_a_dying_domain()
    {
        HoldAllThatThereIs();
        for (var i = 0; i < 30; i++)
            Assert.That(Stretch(_guest.Domain, out _));
    }

    [Test]
    public void Two_callers_at_once()
    {
        HoldAllThatThereIs();
        var results = new long[2];
        var threads = Array.ConvertAll([0, 1], i => new Thread(() => results[i] = Control(DomctlOperation.DestroyDomain, _guest.Domain.Id)));
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.That(results, Has.Some.Zero);
        Assert.That(results, Is.All.Zero.Or.EqualTo(-(long)Errno.ESRCH));
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
    }

    [Test]
    public void Another_domctl_waits_for_one_stretch()
    {
        HoldAllThatThereIs();
        var gate = _machine.Core.ControlLock;
        Thread end, other;
        var seen = default(DomctlGetDomainInfo);
        using (gate.Hold())
        {
            end = new Thread(() => Control(DomctlOperation.DestroyDomain, _guest.Domain.Id));
            end.Start();
            Assert.That(SpinWait.SpinUntil(() => gate.Waiting == 1, 60_000));
            other = new Thread(() =>
            {
                var id = _guest.Domain.Id;
                _ = _machine.Control(DomctlOperation.GetDomainInfo, ref id, ref seen);
            });
            other.Start();
            Assert.That(SpinWait.SpinUntil(() => gate.Waiting == 2, 60_000));
        }
        other.Join();
        end.Join();
        Assert.That(seen.Domain, Is.EqualTo(_guest.Domain.Id));
        Assert.That(seen.TotalPages, Is.EqualTo(GuestFrames + 10), "one stretch later no frame had gone");
        Assert.That(_guest.Domain.Life, Is.EqualTo(DomainLife.Dead));
    }

    [Test]
    public void A_list_of_domains_lets_others_go_between()
    {
        _machine.Core.Meter = _meter;
        for (var i = 0; i < 40; i++)
            _ = _machine.CreateDomain(1, vcpus: 32);
        var infos = new DomctlGetDomainInfo[64];
        using var pin = HostPin.Of(infos);
        _meter.Reset();
        var list = new SysctlGetDomainInfoList { MaxDomains = 64, Buffer = pin.Address };
        Assert.That(_machine.Control(SysctlOperation.GetDomainInfoList, ref list), Is.EqualTo(Errno.None));
        Assert.That(list.NumDomains, Is.EqualTo(42), "domain 0, the guest, and these");
        Assert.That(infos.Take(42).Select(info => info.Domain.Value), Is.Ordered.Ascending.And.Unique);
        Assert.That(_meter.MostEntries, Is.InRange(1, StretchBudget.Entries));
        list = new SysctlGetDomainInfoList { FirstDomain = infos[17].Domain, MaxDomains = 20, Buffer = pin.Address };
        Assert.That(_machine.Control(SysctlOperation.GetDomainInfoList, ref list), Is.EqualTo(Errno.None));
        Assert.That((list.NumDomains, infos[0].Domain.Value), Is.EqualTo((20u, infos[17].Domain.Value - 17)));
    }

    private Domain Dom0 => _machine.Dom0;

    /// <summary>Pinned tables, some half validated, some half taken apart; ports; a frame without an allocation.</summary>
    private void HoldAllThatThereIs()
    {
        var whole = DeepTables.Make(_guest, Tables, 60, _guest.Frames[Tables - 1]);
        var begun = DeepTables.Make(_guest, Tables + 70, 30, _guest.Frames[Tables - 1]);
        var ending = DeepTables.Make(_guest, Tables + 110, 20, _guest.Frames[Tables - 1]);
        Assert.That(_guest.Extended(MmuExtOperation.PinL4Table, whole.Value), Is.Zero);
        Assert.That(_guest.Extended(MmuExtOperation.PinL4Table, ending.Value), Is.Zero);
        _machine.Core.PreemptionChooser = _ => true;
        Begin(MmuExtOperation.UnpinTable, ending);
        Begin(MmuExtOperation.PinL4Table, begun);
        BeginExchange();
        _machine.Core.PreemptionChooser = _ => false;
        Assert.That(_guest.Domain.UnfinishedTables, Is.Not.Empty);
        for (var i = 0; i < 100; i++)
            Assert.That(_guest.Domain.Events.BindIpi(new VcpuId(0), out _), Is.EqualTo(Errno.None));
        // A frame that it gave up, and that its own table holds.
        var reservation = new MemoryReservation { ExtentStart = _guest.Put(8, _guest.Frames[1].Value), ExtentCount = 1, Domain = DomId.Self };
        Assert.That(_guest.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.DecreaseReservation, _guest.Put(16, reservation)), Is.EqualTo(1));
    }

    /// <summary>The first stretch of a call that never goes on.</summary>
    private void Begin(MmuExtOperation operation, Mfn table)
    {
        var registers = new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, _guest.Put(0, new MmuExt { Operation = operation, Argument1 = table.Value }), 1, 0, DomId.Self.Value);
        for (var i = 0; i < 20; i++)
            _ = _guest.Enter(_guest.Caller, ref registers);
    }

    /// <summary>An exchange whose guest never comes back for the rest, when what it gave is not free yet.</summary>
    private void BeginExchange()
    {
        const int given = 8;
        for (var i = 0; i < given; i++)
            _guest.Put(1024 + (ulong)i * 8, _guest.Frames[GuestFrames - given + i].Value);
        var exchange = new MemoryExchange
        {
            In = new MemoryReservation { ExtentStart = 1024, ExtentCount = given, Domain = DomId.Self },
            Out = new MemoryReservation { ExtentStart = _guest.Put(2048, 0ul), ExtentCount = 1, ExtentOrder = 3, Domain = DomId.Self },
        };
        var registers = new HypercallRegisters((ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.Exchange, _guest.Put(0, exchange), 0, 0);
        Assert.That(_guest.Enter(_guest.Caller, ref registers).Outcome, Is.EqualTo(HypercallOutcome.Continue));
        Assert.That(_guest.Domain.Retired, Has.Count.EqualTo(given));
        Assert.That(new MachineAudit(_machine.Core).Look().Words, Is.Empty);
    }

    private (EventPort Dom0Port, EventPort Unbound) Connect()
    {
        Assert.That(_guest.Domain.Events.AllocateUnbound(DomId.Dom0, out var remote), Is.EqualTo(Errno.None));
        Assert.That(Dom0.Events.BindInterdomain(_guest.Domain, remote, out var bound), Is.EqualTo(Errno.None));
        Assert.That(_guest.Domain.Events.AllocateUnbound(DomId.Dom0, out var unbound), Is.EqualTo(Errno.None));
        return (bound, unbound);
    }

    private void AssertAccounts(int stretches)
        => Assert.That(new MachineAudit(_machine.Core).Look().Words, Is.Empty, $"after stretch {stretches}");

    private long Bind(EventPort unbound)
    {
        var bind = new EventChannelBindInterdomain { RemoteDomain = _guest.Domain.Id, RemotePort = unbound };
        return HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindInterdomain, ref bind);
    }

    private void AssertAnswersOfTheDying()
    {
        var id = _guest.Domain.Id;
        Assert.That(_guest.Domain.Life, Is.EqualTo(DomainLife.Dying));
        var info = default(DomctlGetDomainInfo);
        Assert.That(_machine.Control(DomctlOperation.GetDomainInfo, ref id, ref info), Is.Zero);
        Assert.That((info.Domain, info.Flags & DomainInfoFlags.Dying), Is.EqualTo((id, DomainInfoFlags.None)), "that flag says that it is dead");
        Assert.That(Control(DomctlOperation.PauseDomain, id), Is.Zero, "as with Xen, to no effect");
        Assert.That(Control(DomctlOperation.UnpauseDomain, id), Is.Zero);
        var vcpus = new DomctlMaxVcpus { Max = 3 };
        Assert.That(_machine.Control(DomctlOperation.MaxVcpus, ref id, ref vcpus), Is.Zero, "it has them");
        var context = new DomctlVcpuContext { Vcpu = new VcpuId(2) };
        Assert.That(_machine.Control(DomctlOperation.SetVcpuContext, ref id, ref context), Is.EqualTo(-(long)Errno.EINVAL));
        var offset = new DomctlSetTimeOffset { OffsetSeconds = 5 };
        Assert.That(_machine.Control(DomctlOperation.SetTimeOffset, ref id, ref offset), Is.Zero);
        var allocate = new EventChannelAllocUnbound { Domain = id, RemoteDomain = DomId.Dom0 };
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound, ref allocate), Is.EqualTo(-(long)Errno.EINVAL));
        var map = new GrantTableMapGrantRef { HostAddress = 4000 << 12, Flags = GrantMapFlags.HostMap, Domain = id };
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, ref map, 1), Is.Zero);
        Assert.That(map.Status, Is.EqualTo(GrantStatus.BadDomain));
        var slot = new ulong[1];
        using var pin = HostPin.Of(slot);
        var reservation = new MemoryReservation { ExtentStart = pin.Address, ExtentCount = 1, Domain = id };
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.PopulatePhysmap, ref reservation), Is.Zero, "no extents");
    }

    /// <summary>One entry with <c>XEN_DOMCTL_destroydomain</c>. True when the call is to go on.</summary>
    private bool Stretch(Domain domain, out long value)
    {
        var control = new[] { new Domctl { Operation = DomctlOperation.DestroyDomain, InterfaceVersion = Domctl.CurrentInterfaceVersion, Domain = domain.Id } };
        using var pin = HostPin.Of(control);
        var registers = new HypercallRegisters((ulong)HypercallNumber.Domctl, pin.Address, 0, 0, 0);
        _meter.Reset();
        var result = _machine.Core.Hypercalls.Enter(Dom0.Vcpus[0]!, ref registers);
        _meter.Look();
        Assert.That(_meter.MostEntries, Is.LessThanOrEqualTo(StretchBudget.Entries));
        value = result.Value;
        return result.Outcome == HypercallOutcome.Continue;
    }

    private long Control(DomctlOperation operation, DomId domain)
    {
        var nothing = 0ul;
        return _machine.Control(operation, ref domain, ref nothing);
    }

    private void HoldForDom0(Mfn mfn, ulong at)
    {
        ulong[] indices = [mfn.Value], places = [at];
        var errors = new int[1];
        using var index = HostPin.Of(indices);
        using var place = HostPin.Of(places);
        using var error = HostPin.Of(errors);
        var add = new AddToPhysmapBatch { Domain = DomId.Self, Space = (ushort)PhysmapSpace.GmfnForeign, Size = 1, Indices = index.Address, Gpfns = place.Address, Errors = error.Address };
        add.Extra.ForeignDomain = _guest.Domain.Id;
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.AddToPhysmapBatch, ref add), Is.Zero);
        Assert.That(errors[0], Is.Zero);
    }

    private void Release(ulong at)
    {
        var remove = new RemoveFromPhysmap { Domain = DomId.Self, Gpfn = new Pfn(at) };
        Assert.That(HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.RemoveFromPhysmap, ref remove), Is.Zero);
    }

    /// <summary>A frame that the guest grants to a domain.</summary>
    private GrantRef Grant(DomId to)
    {
        const uint reference = 9;
        Assert.That(_guest.Domain.Grants.TryGrow(1));
        Assert.That(_guest.Domain.Grants.GetSharedFrame(0, out var table), Is.EqualTo(Errno.None));
        _machine.Core.Memory.Words(table)[(int)reference] = (ulong)GrantEntryFlags.PermitAccess | (ulong)to.Value << 16 | _guest.Frames[2].Value << 32;
        return new GrantRef(reference);
    }

    private GrantStatus MapInto(Domain domain, GrantRef reference, ulong pfn)
    {
        domain.PhysicalMap!.Get(default, out var page);
        ref var map = ref _machine.Core.Memory.At<GrantTableMapGrantRef>(page.Address);
        map = new GrantTableMapGrantRef { HostAddress = pfn << 12, Flags = GrantMapFlags.HostMap, Ref = reference, Domain = _guest.Domain.Id };
        Assert.That(_guest.Call(domain.Vcpus[0]!, HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, 0, 1), Is.Zero);
        return map.Status;
    }
}
