using Pv.Abi;

namespace Pv.Cpu;

/// <summary>A way to run a vCPU's code. One for the process; thread-safe.</summary>
public interface ICpuEngine
{
    /// <summary>The engine's name as a person chooses it: <c>software</c>, <c>kvm</c>, <c>managed</c>.</summary>
    string Name { get; }

    /// <summary>
    /// The instruction sets that a guest of at most so many vCPUs may be told of; none for engines that run no machine code.
    /// </summary>
    CpuFeatures FeaturesFor(int vcpus);

    /// <summary>Makes what the vCPUs of one domain share (decoded blocks, a VM).</summary>
    ICpuDomain CreateDomain(DomId domain);
}

/// <summary>What the vCPUs of one domain share inside an engine. Disposed when the domain is gone and no vCPU runs.</summary>
public interface ICpuDomain : IDisposable
{
    ICpuVcpu CreateVcpu(VcpuId vcpu, ICpuHost host);
}

/// <summary>One vCPU inside an engine.</summary>
public interface ICpuVcpu : IDisposable
{
    /// <summary>
    /// Runs guest code from <paramref name="registers"/> until it leaves. One thread at a time. Runs user-mode semantics (CPL 3)
    /// only: what a processor would fault at CPL 3 is an exception exit.
    /// </summary>
    CpuExit Run(ref GuestRegisters registers);

    /// <summary>Makes a running <see cref="Run"/> return soon, or the next one return at once. Any thread.</summary>
    void Kick();

    /// <summary>
    /// Forgets every translation, of every page-table root. Only while <see cref="Run"/> is not running, or from a call of <see cref="ICpuHost"/>'s:
    /// nothing is done by an old one when that returns.
    /// </summary>
    void FlushTlb();

    /// <summary>Forgets the translations of one page, in every root. When, see <see cref="FlushTlb"/>.</summary>
    void FlushPage(ulong linearAddress);

    /// <summary>How many guest instructions were completed; 0 for engines that cannot count.</summary>
    ulong InstructionsRetired { get; }
}

/// <summary>What a running vCPU asks of the hypervisor without leaving its engine. Called on the thread of <see cref="ICpuVcpu.Run"/>.</summary>
public interface ICpuHost
{
    /// <summary>
    /// The raw 8 bytes of the descriptor that a non-null selector names, from the guest's GDT or LDT or Xen's own entries.
    /// False when it lies beyond the table's limit.
    /// </summary>
    bool TryReadDescriptor(ushort selector, out ulong descriptor);

    /// <summary>Sets the accessed bit of a descriptor that was read just now, since a segment register was loaded with it.</summary>
    void SetDescriptorAccessed(ushort selector);

    /// <summary>The time-stamp counter as this guest sees it.</summary>
    ulong ReadTsc();

    /// <summary>IA32_TSC_AUX, for RDTSCP and RDPID.</summary>
    uint TscAux { get; }

    /// <summary>CPUID for this guest.</summary>
    CpuidLeaf Cpuid(uint leaf, uint subleaf);

    /// <summary>64 bits from the machine's random source (RDRAND, RDSEED).</summary>
    ulong Random();

    /// <summary>Asked between stretches of guest code; null when these are the engine's own affair.</summary>
    ICpuPacer? Pacer => null;
}

/// <summary>What CPUID returns in its four registers.</summary>
public readonly record struct CpuidLeaf(uint Eax, uint Ebx, uint Ecx, uint Edx);
