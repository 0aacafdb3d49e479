using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Time;
using CpuidLeaf = Pv.Cpu.CpuidLeaf;

namespace Pv.Hypervisor.Traps;

/// <summary>
/// CPUID as a PV guest sees it: a processor that does what the vCPU's engine does, and no more, and Xen's own leaves.
/// </summary>
internal static class GuestCpuid
{
    private const uint HighestBasicLeaf = 0x16, FirstExtendedLeaf = 0x8000_0000, HighestExtendedLeaf = 0x8000_0008;

    // What is the hypervisor's own. Leaf 1, edx: MSR, PAE, PAT; ecx: hypervisor.
    private const uint Own1Edx = 1u << 5 | 1u << 6 | 1u << 16, Own1Ecx = 1u << 31;

    // Leaf 0x80000001, edx: SYSCALL, NX, long mode.
    private const uint OwnExtendedEdx = 1u << 11 | 1u << 20 | 1u << 29;

    // Family 6, model 0x36, whose leaf 0x16 Linux believes. That model runs everything in order, as the engine does: kernels know that it
    // guesses nothing, and need none of their defences against guesses.
    private const uint Signature = 0x0003_0661;
    private const uint CacheLineWords = 8 << 8;
    // 46 physical and 48 linear address bits.
    private const uint AddressWidths = 0x302e;

    public static CpuidLeaf Get(uint leaf, uint subleaf, Vcpu vcpu)
    {
        if (leaf - XenCpuid.FirstLeaf <= LeavesOfXen(vcpu))
            return Xen(leaf - XenCpuid.FirstLeaf, subleaf, vcpu);
        if (leaf is >= AsyncHypercalls.FirstLeaf and <= AsyncHypercalls.LastLeaf && vcpu.Domain.Limits.AsyncHypercalls)
            return Asynchronous(leaf);
        var domain = vcpu.Domain;
        var policy = Policy(domain.Core, domain.Vcpus.Length, leaf, subleaf);
        if (domain.Processor is { } choice)
            policy = choice.Hides(leaf) ? default : choice.Apply(leaf, subleaf, policy);
        return leaf == 1 ? policy with { Ebx = CacheLineWords | vcpu.Id.Value << 25, Ecx = policy.Ecx | ExtendedSave.Enabled(vcpu, policy) } : policy;
    }

    /// <summary>What a domain of so many vCPUs is told, but for what is a vCPU's own and Xen's.</summary>
    public static CpuidLeaf Policy(HypervisorCore core, int vcpus, uint leaf, uint subleaf)
    {
        var engine = core.ParavirtualizedEngine?.FeaturesFor(vcpus) ?? default;
        return leaf switch
        {
            0 => Text(HighestBasicLeaf, "Genu", "ineI", "ntel"),
            1 => new CpuidLeaf(Signature, CacheLineWords, Own1Ecx | engine.Leaf1Ecx, Own1Edx | engine.Leaf1Edx),
            7 when subleaf == 0 => new CpuidLeaf(0, engine.Leaf7Ebx, 0, 0),
            ExtendedSave.Leaf when (engine.Leaf1Ecx & ExtendedSave.Feature) != 0 => ExtendedSave.Cpuid(subleaf),
            0x15 => new CpuidLeaf(1, 1, PvClock.TscKilohertz * 1000, 0),
            0x16 => new CpuidLeaf(PvClock.TscKilohertz / 1000, PvClock.TscKilohertz / 1000, 0, 0),
            FirstExtendedLeaf => new CpuidLeaf(HighestExtendedLeaf, 0, 0, 0),
            FirstExtendedLeaf + 1 => new CpuidLeaf(0, 0, engine.ExtendedEcx, OwnExtendedEdx | engine.ExtendedEdx),
            FirstExtendedLeaf + 2 => Brand(0),
            FirstExtendedLeaf + 3 => Brand(1),
            FirstExtendedLeaf + 4 => Brand(2),
            // The time-stamp counter runs at the same rate whatever happens.
            FirstExtendedLeaf + 7 => new CpuidLeaf(0, 0, 0, 1u << 8),
            HighestExtendedLeaf => new CpuidLeaf(AddressWidths, 0, 0, 0),
            _ => default,
        };
    }

    private static CpuidLeaf Xen(uint index, uint subleaf, Vcpu vcpu) => index switch
    {
        0 => new CpuidLeaf(XenCpuid.FirstLeaf + LeavesOfXen(vcpu), XenCpuid.SignatureEbx, XenCpuid.SignatureEcx, XenCpuid.SignatureEdx),
        1 => new CpuidLeaf(XenVersionOperations.Major << 16 | XenVersionOperations.Minor, 0, 0, 0),
        2 => new CpuidLeaf(1, XenCpuid.FirstLeaf, XenCpuid.PreserveAccessedDirty, 0),
        // Time: the counter is the hypervisor's if that was asked for, and safe to read on all vCPUs.
        3 when subleaf == 0 => new CpuidLeaf((vcpu.Domain.Tsc.Mode == 1 ? 1u : 0) | 1u << 1, vcpu.Domain.Tsc.Mode, PvClock.TscKilohertz, vcpu.Domain.Tsc.Incarnation),
        3 when subleaf == 1 => new CpuidLeaf(0, 0, PvClock.Multiplier, (uint)PvClock.Shift),
        3 when subleaf == 2 => new CpuidLeaf(PvClock.TscKilohertz, 0, 0, 0),
        5 when subleaf == 0 => new CpuidLeaf(0, AddressBits(vcpu), 0, 0),
        _ => default,
    };

    private static uint LeavesOfXen(Vcpu vcpu) => vcpu.Domain.Processor?.XenLeaves ?? XenCpuid.MaxLeaves;

    private static CpuidLeaf Asynchronous(uint leaf) => leaf == AsyncHypercalls.FirstLeaf
        ? new CpuidLeaf(AsyncHypercalls.LastLeaf, AsyncHypercalls.SignatureEbx, AsyncHypercalls.SignatureEcx, AsyncHypercalls.SignatureEdx)
        : new CpuidLeaf(AsyncHypercalls.Version, (uint)AsyncHypercalls.Number, AsyncHypercalls.MostEntries, 0);

    private static uint AddressBits(Vcpu vcpu)
        => (uint)(64 - System.Numerics.BitOperations.LeadingZeroCount((vcpu.Domain.Core.Memory.FrameCount << PageSize.Shift) - 1)) & XenCpuid.MachineAddressWidthMask;

    private static CpuidLeaf Brand(int part)
    {
        const string brand = "Pv software processor";
        return Packed(brand.PadRight(48, '\0').Substring(part * 16, 16));
    }

    // Leaf 0 has its text in ebx, edx, ecx.
    private static CpuidLeaf Text(uint eax, string ebx, string edx, string ecx) => new(eax, Pack(ebx), Pack(ecx), Pack(edx));

    private static CpuidLeaf Packed(string text) => new(Pack(text[..4]), Pack(text[4..8]), Pack(text[8..12]), Pack(text[12..]));

    private static uint Pack(string four) => (uint)(four[0] | four[1] << 8 | four[2] << 16 | four[3] << 24);
}
