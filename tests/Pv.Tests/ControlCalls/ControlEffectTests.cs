using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Traps;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.ControlCalls;

/// <summary>What a toolstack's calls do, beyond what they answer.</summary>
[TestFixture]
internal sealed class ControlEffectTests
{
    private const uint NoSubleaf = uint.MaxValue;

    private TestMachine _machine = null!;

    [SetUp]
    public void Start() => _machine = new TestMachine();

    [TearDown]
    public void Stop() => _machine.Dispose();

    [Test]
    public void A_domain_sees_the_processor_that_was_chosen_and_never_more_than_there_is()
    {
        var domain = _machine.CreateDomain(4);
        var vcpu = domain.Vcpus[0]!;
        var has = GuestCpuid.Get(1, 0, vcpu);
        Assert.That(has.Ecx, Is.Not.Zero, "it has a feature to take away");
        var leaves = new[] { new CpuidLeaf { Leaf = 1, Subleaf = NoSubleaf, Eax = 0x1234, Edx = has.Edx } };
        using var pin = HostPin.Of(leaves);
        var policy = new DomctlCpuPolicy { LeafCount = 1, Leaves = pin.Address };

        _machine.ControlOrThrow(DomctlOperation.SetCpuPolicy, domain.Id, policy);
        var sees = GuestCpuid.Get(1, 0, vcpu);
        Assert.That((sees.Eax, sees.Ecx, sees.Edx), Is.EqualTo((0x1234u, 0u, has.Edx)));

        (leaves[0].Ecx, leaves[0].Edx) = (uint.MaxValue, uint.MaxValue);
        _machine.ControlOrThrow(DomctlOperation.SetCpuPolicy, domain.Id, policy);
        sees = GuestCpuid.Get(1, 0, vcpu);
        Assert.That((sees.Ecx, sees.Edx), Is.EqualTo((has.Ecx, has.Edx)));
    }

    [Test]
    public void A_domain_handles_the_machines_interrupts_until_it_ends()
    {
        var domain = _machine.CreateDomain(4);
        Assert.That(domain.Events.BindVirq(VirtualIrq.ConsoleRing, default, out var own), Is.EqualTo(Errno.None));
        Assert.That(_machine.Dom0.Events.BindVirq(VirtualIrq.ConsoleRing, default, out var others), Is.EqualTo(Errno.None));
        _machine.ControlOrThrow(DomctlOperation.SetVirqHandler, domain.Id, new DomctlSetVirqHandler { Virq = VirtualIrq.ConsoleRing });

        _machine.Core.RaiseGlobal(VirtualIrq.ConsoleRing);
        Assert.That((domain.Events.IsPending(own), _machine.Dom0.Events.IsPending(others)), Is.EqualTo((true, false)));

        _machine.Destroy(domain);
        _machine.Core.RaiseGlobal(VirtualIrq.ConsoleRing);
        Assert.That(_machine.Dom0.Events.IsPending(others));
    }

    [Test]
    public void Who_subscribed_hears_of_a_suspend_and_of_nothing_else()
    {
        foreach (var reason in (ShutdownReason[])[ShutdownReason.Suspend, ShutdownReason.PowerOff])
        {
            var domain = _machine.CreateDomain(4);
            Assert.That(domain.Events.AllocateUnbound(DomId.Dom0, out var port), Is.EqualTo(Errno.None));
            Assert.That(_machine.Dom0.Events.BindInterdomain(domain, port, out var heard), Is.EqualTo(Errno.None));
            _machine.ControlOrThrow(DomctlOperation.Subscribe, domain.Id, new DomctlSubscribe { Port = port });
            // A port that was just bound is pending, so that nothing is missed; the toolstack's own interrupt is what stays away.
            Assert.That(_machine.Dom0.Events.BindVirq(VirtualIrq.DomainException, default, out var own), Is.EqualTo(Errno.None));
            domain.ShutDown(reason, null);
            Assert.That((_machine.Dom0.Events.IsPending(heard), _machine.Dom0.Events.IsPending(own)), Is.EqualTo((true, reason != ShutdownReason.Suspend)));
            Assert.That(_machine.Dom0.Events.Close(own), Is.EqualTo(Errno.None));
        }
    }

    [Test]
    public void Without_a_context_a_vcpu_is_as_it_was_made()
    {
        var guest = new TestGuest(_machine, 1);
        var id = guest.Domain.Id;
        var none = new DomctlVcpuContext { Vcpu = guest.Victim.Id };
        Assert.That(_machine.Control(DomctlOperation.SetVcpuContext, ref id, ref none), Is.Zero);
        Assert.That((guest.Victim.IsInitialised, guest.Victim.IsOnline), Is.EqualTo((false, false)));
        Assert.That(_machine.Control(DomctlOperation.GetVcpuContext, ref id, ref none), Is.EqualTo(-(long)Errno.ENODATA));
        Assert.That(_machine.Core.PageTypes.Uses(guest.Safe[4]), Is.Zero, "nobody uses its tables");
    }

    [Test]
    public void The_save_area_that_was_read_can_be_set()
    {
        var guest = new TestGuest(_machine, 1);
        var id = guest.Domain.Id;
        var state = new DomctlVcpuExtendedState { Vcpu = guest.Victim.Id };
        Assert.That(_machine.Control(DomctlOperation.GetVcpuExtendedState, ref id, ref state), Is.Zero);
        var area = new byte[state.Size];
        using var pin = HostPin.Of(area);
        state.Buffer = pin.Address;
        guest.Victim.Registers.Fx[200] = 0x5a;
        Assert.That(_machine.Control(DomctlOperation.GetVcpuExtendedState, ref id, ref state), Is.Zero);
        Assert.That(area[16 + 200], Is.EqualTo(0x5a), "behind the two words of XCR0");

        area[16 + 201] = 0xa5;
        Assert.That(_machine.Control(DomctlOperation.SetVcpuExtendedState, ref id, ref state), Is.Zero);
        Assert.That((guest.Victim.Registers.Fx[200], guest.Victim.Registers.Fx[201]), Is.EqualTo(((byte)0x5a, (byte)0xa5)));

        area[0] = 0xff;
        Assert.That(_machine.Control(DomctlOperation.SetVcpuExtendedState, ref id, ref state), Is.EqualTo(-(long)Errno.EINVAL), "components that are not there");
    }

    [Test]
    public void How_often_a_domain_was_restored_is_told_by_cpuid()
    {
        var domain = _machine.CreateDomain(4);
        _machine.ControlOrThrow(DomctlOperation.SetTscInfo, domain.Id, new DomctlTscInfo { TscMode = 2, Incarnation = 6 });
        var time = GuestCpuid.Get(XenCpuid.FirstLeaf + 3, 0, domain.Vcpus[0]!);
        Assert.That((time.Ebx, time.Edx), Is.EqualTo((2u, 7u)));
    }
}
