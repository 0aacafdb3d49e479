using Pv.Cpu;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Domains;

/// <summary>What a vCPU's engine asks of the hypervisor while guest code runs.</summary>
internal sealed class VcpuHost(Vcpu vcpu) : ICpuHost
{
    public uint TscAux => vcpu.Traps.TscAux;

    public bool TryReadDescriptor(ushort selector, out ulong descriptor) => DescriptorTables.TryRead(vcpu, selector, out descriptor);

    public void SetDescriptorAccessed(ushort selector) => DescriptorTables.SetAccessed(vcpu, selector);

    public ICpuPacer? Pacer => vcpu.Pacer;

    public ulong ReadTsc()
    {
        // The instructions up to here have taken their time.
        vcpu.CountInstructions();
        return vcpu.Domain.Core.Clock.Now;
    }

    public Cpu.CpuidLeaf Cpuid(uint leaf, uint subleaf) => GuestCpuid.Get(leaf, subleaf, vcpu);

    public ulong Random() => vcpu.Domain.Core.Random.Next();
}
