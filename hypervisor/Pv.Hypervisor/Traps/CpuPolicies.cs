using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using CpuidLeaf = Pv.Cpu.CpuidLeaf;
using PolicyLeaf = Pv.Abi.CpuidLeaf;

namespace Pv.Hypervisor.Traps;

/// <summary>The processor that domains see, as the toolstack asks for it and, before a domain's first run, changes it.</summary>
internal static class CpuPolicies
{
    // What Xen's policies have room for: so long may a list be.
    private const uint MostLeaves = 120, MostMsrs = 2;

    // XEN_SYSCTL_cpu_policy_*, XEN_SYSCTL_cpu_featureset_*: raw, host, the most and the default for each kind of guest.
    private const uint Policies = 6, HardwareAssistedMost = 3, HardwareAssistedDefault = 5, FeatureSets = 6, HardwareAssistedFeatures = 3;

    // XEN_CPUID_NO_SUBLEAF: the leaf has none.
    private const uint NoSubleaf = uint.MaxValue;

    private const uint PlatformInformation = 0xce, ArchitecturalCapabilities = 0x10a;

    // The leaves that have room in a policy: basic ones to 0xd, and of these some with subleaves; extended ones; Xen's own highest, which no guest's choice changes.
    private const uint HighestBasic = 0xd, FirstExtended = 0x8000_0000, HighestExtended = 0x8000_0021, FirstXen = 0x4000_0000, SecondXen = 0x4000_0100;

    // XEN_SYSCTL_CPU_LEVELCAP_faulting: every CPUID of a guest is the hypervisor's to answer.
    private const uint Faulting = 1;

    /// <summary>Words of a feature set, in Xen's order: leaf 1 edx and ecx, leaf 0x80000001 edx and ecx, leaf 0xd.1 eax, leaf 7 ebx, …</summary>
    private const int FeatureWords = 19;

    public static HypercallResult LevellingCaps(ref SysctlCpuLevellingCaps caps)
    {
        caps.Caps = Faulting;
        return HypercallResult.Success;
    }

    public static HypercallResult Get(ref HypercallContext call, Domain domain, ref DomctlCpuPolicy policy)
        => Copy(ref call, Leaves(domain.Core, domain.Vcpus.Length, domain.Processor), policy.Leaves, ref policy.LeafCount, policy.Msrs, ref policy.MsrCount);

    public static HypercallResult Get(ref HypercallContext call, ref SysctlCpuPolicy policy)
    {
        if (policy.Reserved != 0 || policy.Index >= Policies)
            return Errno.EINVAL;
        var leaves = policy.Index is HardwareAssistedMost or HardwareAssistedDefault ? [] : Leaves(call.Core, 1, null);
        return Copy(ref call, leaves, policy.Leaves, ref policy.LeafCount, policy.Msrs, ref policy.MsrCount);
    }

    public static HypercallResult GetFeatures(ref HypercallContext call, ref SysctlCpuFeatureSet set)
    {
        Span<uint> words = stackalloc uint[FeatureWords];
        words.Clear();
        if (set.Features == 0)
        {
            set.FeatureCount = FeatureWords;
            return HypercallResult.Success;
        }
        if (set.Index >= FeatureSets)
            return Errno.EINVAL;
        if (set.FeatureCount < FeatureWords)
            return Errno.ENOBUFS;
        if (set.Index is not (HardwareAssistedFeatures or FeatureSets - 1))
            FillFeatures(call.Core, words);
        set.FeatureCount = FeatureWords;
        return call.TryWrite(set.Features, System.Runtime.InteropServices.MemoryMarshal.AsBytes(words)) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>The first words of a feature set: what the machine's processors have.</summary>
    public static void FillFeatures(HypervisorCore core, Span<uint> words)
    {
        var (one, extended) = (GuestCpuid.Policy(core, 1, 1, 0), GuestCpuid.Policy(core, 1, FirstExtended + 1, 0));
        ReadOnlySpan<uint> known =
        [
            one.Edx, one.Ecx, extended.Edx, extended.Ecx, GuestCpuid.Policy(core, 1, ExtendedSave.Leaf, 1).Eax, GuestCpuid.Policy(core, 1, 7, 0).Ebx, 0,
            GuestCpuid.Policy(core, 1, FirstExtended + 7, 0).Edx,
        ];
        known[..Math.Min(known.Length, words.Length)].CopyTo(words);
    }

    /// <summary>
    /// Changes what a domain sees, before it ever ran. Features can be taken away, names and the highest leaves changed; what is wrong is told by leaf
    /// or register.
    /// </summary>
    public static HypercallResult Set(ref HypercallContext call, Domain domain, in DomctlCpuPolicy policy)
    {
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        if (domain.HasBeenUnpaused)
            return Errno.EEXIST;
        if (policy.LeafCount > MostLeaves || policy.MsrCount > MostMsrs)
            return Refuse(ref call, policy, Errno.E2BIG);
        var processor = new ProcessorChoice(domain.Processor);
        for (uint i = 0; i < policy.LeafCount; i++)
        {
            if (!call.TryRead(policy.Leaves + (i * (ulong)PolicyLeaf.WireSize), out PolicyLeaf leaf))
                return Refuse(ref call, policy, Errno.EFAULT);
            if (!HasRoom(leaf.Leaf, leaf.Subleaf))
                return Refuse(ref call, policy, Errno.ERANGE, leaf.Leaf, leaf.Subleaf);
            if (leaf.Leaf is 0 or FirstExtended && leaf.Eax > GuestCpuid.Policy(call.Core, domain.Vcpus.Length, leaf.Leaf, 0).Eax)
                return Refuse(ref call, policy, Errno.EINVAL, leaf.Leaf, leaf.Subleaf);
            processor.Set(leaf.Leaf, leaf.Subleaf == NoSubleaf ? 0 : leaf.Subleaf, new CpuidLeaf(leaf.Eax, leaf.Ebx, leaf.Ecx, leaf.Edx));
        }
        for (uint i = 0; i < policy.MsrCount; i++)
        {
            if (!call.TryRead(policy.Msrs + (i * (ulong)MsrEntry.WireSize), out MsrEntry msr))
                return Refuse(ref call, policy, Errno.EFAULT);
            if (msr.Index is not (PlatformInformation or ArchitecturalCapabilities))
                return Refuse(ref call, policy, Errno.ERANGE, msr: msr.Index);
            // CPUID does not fault at a kernel's wish. Of architectural capabilities there are none, whatever is asked for.
            if (msr.Flags != 0 || (msr.Index == PlatformInformation && msr.Value != 0))
                return Refuse(ref call, policy, Errno.EINVAL, msr: msr.Index);
        }
        domain.Processor = processor;
        return HypercallResult.Success;
    }

    private static Errno Refuse(ref HypercallContext call, DomctlCpuPolicy policy, Errno error, uint leaf = uint.MaxValue, uint subleaf = uint.MaxValue, uint msr = uint.MaxValue)
    {
        (policy.ErrorLeaf, policy.ErrorSubleaf, policy.ErrorMsr) = (leaf, subleaf, msr);
        return DomctlOperations.RefuseWithAnswer(ref call, policy, error);
    }

    private static bool HasRoom(uint leaf, uint subleaf) => leaf switch
    {
        4 => subleaf < 6,
        7 or 0xb => subleaf < 2,
        ExtendedSave.Leaf => subleaf < 63,
        <= HighestBasic or FirstXen or SecondXen or (>= FirstExtended and <= HighestExtended) => subleaf == NoSubleaf,
        _ => false,
    };

    private static HypercallResult Copy(ref HypercallContext call, List<PolicyLeaf> leaves, ulong to, ref uint leafCount, ulong msrs, ref uint msrCount)
    {
        var (leafRoom, msrRoom) = (leafCount, msrCount);
        ReadOnlySpan<MsrEntry> registers = [new MsrEntry { Index = PlatformInformation }, new MsrEntry { Index = ArchitecturalCapabilities }];
        if (to != 0 && leafRoom < (uint)leaves.Count)
            return Errno.ENOBUFS;
        for (var i = 0; to != 0 && i < leaves.Count; i++)
        {
            if (!call.TryWrite(to + ((ulong)i * PolicyLeaf.WireSize), leaves[i]))
                return Errno.EFAULT;
        }
        leafCount = to == 0 ? MostLeaves : (uint)leaves.Count;
        if (msrs != 0 && msrRoom < MostMsrs)
            return Errno.ENOBUFS;
        for (var i = 0; msrs != 0 && i < registers.Length; i++)
        {
            if (!call.TryWrite(msrs + ((ulong)i * MsrEntry.WireSize), registers[i]))
                return Errno.EFAULT;
        }
        msrCount = MostMsrs;
        return HypercallResult.Success;
    }

    private static List<PolicyLeaf> Leaves(HypervisorCore core, int vcpus, ProcessorChoice? choice)
    {
        var leaves = new List<PolicyLeaf>();
        void Add(uint leaf, uint subleaf = NoSubleaf)
        {
            var (index, has) = (subleaf == NoSubleaf ? 0 : subleaf, GuestCpuid.Policy(core, vcpus, leaf, subleaf == NoSubleaf ? 0 : subleaf));
            if (choice is not null)
                has = choice.Apply(leaf, index, has);
            leaves.Add(new PolicyLeaf { Leaf = leaf, Subleaf = subleaf, Eax = has.Eax, Ebx = has.Ebx, Ecx = has.Ecx, Edx = has.Edx });
        }

        Add(0);
        for (uint leaf = 1; leaf <= Math.Min(leaves[0].Eax, HighestBasic); leaf++)
        {
            if (leaf is 4 or 7 or 0xb or ExtendedSave.Leaf)
                Add(leaf, 0);
            else
                Add(leaf);
            if (leaf == ExtendedSave.Leaf)
                Add(leaf, 1);
        }
        Add(FirstXen);
        leaves.Add(new PolicyLeaf { Leaf = SecondXen, Subleaf = NoSubleaf });
        Add(FirstExtended);
        for (var leaf = FirstExtended + 1; leaf <= leaves.Find(has => has.Leaf == FirstExtended).Eax; leaf++)
            Add(leaf);
        return leaves;
    }
}
