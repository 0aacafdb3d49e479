using Pv.Abi;
using Pv.Cpu;

namespace Pv.Tests.Core;

/// <summary>What a vCPU's code does when it is entered, in place of code. On the pCPU's thread.</summary>
internal delegate CpuExit VcpuScript(ScriptedVcpu vcpu, ref GuestRegisters registers);

/// <summary>An engine that runs no code: a vCPU does what a test says, and rests until it is kicked where the test says nothing.</summary>
internal sealed class ScriptedEngine : ICpuEngine
{
    public string Name => "scripted";

    /// <summary>What it says that it has, by the number of vCPUs.</summary>
    public Func<int, CpuFeatures> Features { get; set; } = static _ => default;

    public CpuFeatures FeaturesFor(int vcpus) => Features(vcpus);

    /// <summary>What vCPUs do that have no script of their own.</summary>
    public VcpuScript Script { get; set; } = static (ScriptedVcpu vcpu, ref GuestRegisters _) => vcpu.RestUntilKicked();

    public ICpuDomain CreateDomain(DomId domain) => new ScriptedDomain(this, domain);

    private sealed class ScriptedDomain(ScriptedEngine engine, DomId domain) : ICpuDomain
    {
        public ICpuVcpu CreateVcpu(VcpuId vcpu, ICpuHost host) => new ScriptedVcpu(engine, domain, vcpu);

        public void Dispose()
        {
        }
    }
}

internal sealed class ScriptedVcpu(ScriptedEngine engine, DomId domain, VcpuId id) : ICpuVcpu
{
    private readonly SemaphoreSlim _kicks = new(0);

    public DomId Domain { get; } = domain;

    public VcpuId Id { get; } = id;

    public int Flushes { get; private set; }

    public ulong InstructionsRetired => 0;

    public CpuExit Run(ref GuestRegisters registers) => engine.Script(this, ref registers);

    public void Kick() => _kicks.Release();

    public void FlushTlb() => Flushes++;

    public void FlushPage(ulong linearAddress)
    {
    }

    public CpuExit RestUntilKicked()
    {
        _kicks.Wait();
        while (_kicks.Wait(0))
        {
            // Several kicks are one.
        }
        return CpuExit.Preempted;
    }

    public void Dispose()
    {
        // The semaphore has no handle to give back; a late kick must not find it disposed.
    }
}
