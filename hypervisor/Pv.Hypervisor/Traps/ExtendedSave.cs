using Pv.Cpu;
using Pv.Hypervisor.Domains;
using CpuidLeaf = Pv.Cpu.CpuidLeaf;

namespace Pv.Hypervisor.Traps;

/// <summary>What CPUID says of XSAVE (Intel SDM, volume 1, 13.2): x87 and SSE, in the standard form.</summary>
internal static class ExtendedSave
{
    public const uint Leaf = 0xd;

    /// <summary>Leaf 1, ecx: the processor has it.</summary>
    public const uint Feature = 1u << 26;

    // Leaf 1, ecx: the kernel has switched it on.
    private const uint OsEnabled = 1u << 27;

    // The legacy image and the header; components above SSE would follow.
    private const uint ImageBytes = 512 + 64;

    // Subleaf 1, eax.
    private const uint Xsaveopt = 1u << 0;

    /// <summary>The bit of <paramref name="first"/>, which is leaf 1, that says whether the vCPU's kernel has switched it on.</summary>
    public static uint Enabled(Vcpu vcpu, CpuidLeaf first)
        => (first.Ecx & Feature) != 0 && ControlRegisters.HasExtendedSave(vcpu) ? OsEnabled : 0;

    public static CpuidLeaf Cpuid(uint subleaf) => subleaf switch
    {
        0 => new CpuidLeaf((uint)GuestRegisters.X87AndSse, ImageBytes, ImageBytes, 0),
        1 => new CpuidLeaf(Xsaveopt, 0, 0, 0),
        _ => default,
    };
}
