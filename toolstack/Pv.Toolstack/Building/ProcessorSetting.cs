using Pv.Abi;
using Pv.Config.Domain;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;
using CpuidLeaf = Pv.Abi.CpuidLeaf;
using CpuidText = Pv.Config.Domain.CpuidLeaf;

namespace Pv.Toolstack.Building;

/// <summary>What a configuration says of a domain's processor: <c>cpuid</c> and <c>tsc_mode</c>.</summary>
internal static class ProcessorSetting
{
    private const uint NoSubleaf = uint.MaxValue;

    /// <summary>libxl's ERROR_FAIL, negated.</summary>
    private const int Failed = 3;

    /// <summary>Applies it to a domain that never ran.</summary>
    /// <exception cref="ToolstackException">It asks for a leaf that the processor does not have.</exception>
    public static void Apply(HypervisorControl control, DomId domain, DomainConfiguration configuration)
    {
        if (configuration.TscMode is { } mode)
            control.SetTscMode(domain, mode switch { "always_emulate" => 1u, "native" => 2u, _ => 0u });
        if (configuration.Cpuid is not { Leaves.Count: > 0 } policy)
            return;
        var has = control.GetCpuid(domain);
        var wanted = new CpuidLeaf[policy.Leaves.Count];
        foreach (var (i, said) in policy.Leaves.Index())
        {
            var at = Array.FindIndex(has, leaf => leaf.Leaf == said.Leaf && leaf.Subleaf == (said.Subleaf ?? NoSubleaf));
            if (at < 0)
                throw new ToolstackException($"Domain {configuration.Name}: cpuid: its processor has no leaf {Name(said.Leaf, said.Subleaf)}.", Failed);
            wanted[i] = has[at] with
            {
                Eax = Bits(said, 0, has[at].Eax), Ebx = Bits(said, 1, has[at].Ebx), Ecx = Bits(said, 2, has[at].Ecx), Edx = Bits(said, 3, has[at].Edx),
            };
        }
        if (control.SetCpuid(domain, wanted) is not Errno.None and var error)
            throw new ToolstackException($"Domain {configuration.Name}: cpuid: the hypervisor refuses it ({error}): no highest leaf can be above the processor's own.", Failed);

        uint Bits(CpuidText said, int register, uint now)
        {
            if (said.Registers[register] is not { } bits)
                return now;
            foreach (var (i, bit) in bits.Index())
            {
                var mask = 1u << (31 - i);
                now = bit switch
                {
                    '0' => now & ~mask,
                    '1' => now | mask,
                    // Pv's default, most and host are one processor.
                    'x' or 'k' or 's' => now,
                    _ => throw new ToolstackException($"Domain {configuration.Name}: cpuid: '{bit}' of leaf {Name(said.Leaf, said.Subleaf)} is none of 0, 1, x, k, s.", Failed),
                };
            }
            return now;
        }
    }

    private static string Name(uint leaf, uint? subleaf) => subleaf is { } one ? $"0x{leaf:x}, subleaf {one}" : $"0x{leaf:x}";
}
