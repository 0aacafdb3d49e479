using Pv.Abi;
using Pv.Cpu;

namespace Pv.Tests.Fuzzing;

/// <summary>Runs a vCPU's code through its engine, or has it do something else. On the thread of <see cref="ICpuVcpu.Run"/>.</summary>
internal delegate CpuExit CodeRunner(WatchedVcpu vcpu, ref GuestRegisters registers);

/// <summary>An engine with somebody before it, who sees every entry and every exit.</summary>
internal sealed class WatchedEngine(ICpuEngine engine, CodeRunner runner) : ICpuEngine
{
    public string Name => engine.Name;

    public CodeRunner Runner { get; } = runner;

    public CpuFeatures FeaturesFor(int vcpus) => engine.FeaturesFor(vcpus);

    public ICpuDomain CreateDomain(DomId domain) => new WatchedDomain(this, domain, engine.CreateDomain(domain));

    private sealed class WatchedDomain(WatchedEngine engine, DomId domain, ICpuDomain inner) : ICpuDomain
    {
        public ICpuVcpu CreateVcpu(VcpuId vcpu, ICpuHost host) => new WatchedVcpu(engine, domain, vcpu, inner.CreateVcpu(vcpu, host));

        public void Dispose() => inner.Dispose();
    }
}

internal sealed class WatchedVcpu(WatchedEngine engine, DomId domain, VcpuId id, ICpuVcpu inner) : ICpuVcpu
{
    public DomId Domain { get; } = domain;

    public VcpuId Id { get; } = id;

    /// <summary>The engine's own.</summary>
    public ICpuVcpu Inner => inner;

    public ulong InstructionsRetired => inner.InstructionsRetired;

    public CpuExit Run(ref GuestRegisters registers) => engine.Runner(this, ref registers);

    public void Kick() => inner.Kick();

    public void FlushTlb() => inner.FlushTlb();

    public void FlushPage(ulong linearAddress) => inner.FlushPage(linearAddress);

    public void Dispose() => inner.Dispose();
}
