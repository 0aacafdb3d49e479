using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Cpu.Managed;
using Pv.Machine.Gate;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class ManagedEngineTests
{
    private static readonly DomId Domain = new(1);

    private FakeMachine _machine = null!;
    private ManagedEngine _engine = null!;
    private FakeHost _host = null!;

    [SetUp]
    public void SetUp()
    {
        _machine = new FakeMachine();
        _engine = new ManagedEngine(domain => _machine[domain]) { OverrunTicks = 1000 };
        _host = new FakeHost(_machine);
    }

    [TearDown]
    public void TearDown() => _machine.Dispose();

    [Test]
    public void Outcomes_become_exits_and_the_kernel_is_made_once()
    {
        var made = 0;
        var outcomes = new Queue<TurnOutcome>([TurnOutcome.Yielded, TurnOutcome.Idle]);
        var vcpu = Vcpu(gate =>
        {
            made++;
            Assert.That(gate, Is.SameAs(_machine[1]));
            return new ScriptedKernel(() => outcomes.Dequeue());
        });
        Assert.That(made, Is.Zero, "a kernel comes to be on its first turn");
        var registers = default(GuestRegisters);
        Assert.That(vcpu.Run(ref registers).Kind, Is.EqualTo(CpuExitKind.Preempted));
        Assert.That(vcpu.Run(ref registers).Kind, Is.EqualTo(CpuExitKind.Blocked));
        Assert.That(made, Is.EqualTo(1));
    }

    [Test]
    public void An_exception_of_the_kernel_is_a_crash_of_the_guest_with_its_reason()
    {
        var vcpu = Vcpu(_ => new ScriptedKernel(() => throw new FormatException("that much")));
        Assert.That(
            () => Run(vcpu),
            Throws.InstanceOf<GuestCrashException>().With.Message.EqualTo("the kernel threw FormatException: that much")
                .And.InnerException.InstanceOf<FormatException>());
    }

    [Test]
    public void A_domain_without_a_kernel_and_a_second_vcpu_are_refused()
    {
        using var domain = _engine.CreateDomain(Domain);
        Assert.That(() => Run(domain.CreateVcpu(new VcpuId(0), _host)), Throws.InstanceOf<GuestCrashException>().With.Message.Contains("no kernel"));
        Assert.That(() => Run(domain.CreateVcpu(new VcpuId(1), _host)), Throws.InstanceOf<GuestCrashException>().With.Message.Contains("vCPU 0 only"));
    }

    [Test]
    public void A_guest_that_keeps_its_pcpu_is_named_once_a_run()
    {
        var overruns = new List<ulong>();
        _engine.Overran += (domain, ticks) =>
        {
            Assert.That(domain, Is.EqualTo(Domain));
            overruns.Add(ticks);
        };
        ICpuVcpu? vcpu = null;
        ulong hold = 0;
        vcpu = Vcpu(_ => new ScriptedKernel(() =>
        {
            _machine.Now += 5000;
            _machine[1].YieldRequested = hold > 0;
            vcpu!.Kick();
            _machine.Now += hold;
            vcpu.Kick();
            return TurnOutcome.Yielded;
        }));
        Run(vcpu);
        Assert.That(overruns, Is.Empty, "nobody wanted the pCPU");
        hold = 999;
        Run(vcpu);
        Assert.That(overruns, Is.Empty);
        hold = 1000;
        Run(vcpu);
        Assert.That(overruns, Is.EqualTo(new[] { 1000UL }));
    }

    private ICpuVcpu Vcpu(ManagedKernelFactory factory)
    {
        _engine.Assign(Domain, factory);
        return _engine.CreateDomain(Domain).CreateVcpu(new VcpuId(0), _host);
    }

    private static CpuExit Run(ICpuVcpu vcpu)
    {
        var registers = default(GuestRegisters);
        return vcpu.Run(ref registers);
    }

    private sealed class ScriptedKernel(Func<TurnOutcome> run) : IManagedKernel
    {
        public TurnOutcome RunTurns() => run();
    }

    private sealed class FakeHost(FakeMachine machine) : ICpuHost
    {
        public uint TscAux => 0;

        public void SetDescriptorAccessed(ushort selector)
        {
        }

        public bool TryReadDescriptor(ushort selector, out ulong descriptor)
        {
            descriptor = 0;
            return false;
        }

        public ulong ReadTsc() => machine.Now;

        public Pv.Cpu.CpuidLeaf Cpuid(uint leaf, uint subleaf) => default;

        public ulong Random() => 0;
    }
}
