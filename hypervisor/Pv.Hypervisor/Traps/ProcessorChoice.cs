using Pv.Abi;
using CpuidLeaf = Pv.Cpu.CpuidLeaf;

namespace Pv.Hypervisor.Traps;

/// <summary>
/// What the toolstack chose of a domain's processor: fewer features, other names, fewer leaves. Whatever is chosen, a domain never sees what its engine
/// does not do.
/// </summary>
/// <param name="previous">A choice that was made before, of which what is not chosen anew stays.</param>
internal sealed class ProcessorChoice(ProcessorChoice? previous)
{
    private const uint FirstExtended = 0x8000_0000, FirstOfBrand = FirstExtended + 2, LastOfBrand = FirstExtended + 4;

    private readonly Dictionary<(uint Leaf, uint Subleaf), CpuidLeaf> _leaves = previous is null ? [] : new(previous._leaves);

    public void Set(uint leaf, uint subleaf, CpuidLeaf wanted) => _leaves[(leaf, subleaf)] = wanted;

    /// <summary>Whether a leaf is beyond the highest that was chosen of its range.</summary>
    public bool Hides(uint leaf)
    {
        if (leaf is >= XenCpuid.FirstLeaf and < FirstExtended)
            return false;
        return _leaves.TryGetValue((leaf & FirstExtended, 0), out var highest) && leaf > highest.Eax;
    }

    /// <summary>How many leaves of Xen's own behind the first a guest is told of: from 2 up to all.</summary>
    public uint XenLeaves => _leaves.TryGetValue((XenCpuid.FirstLeaf, 0), out var wanted) && wanted.Eax != 0
        ? Math.Clamp(wanted.Eax & 0xff, 2, XenCpuid.MaxLeaves) : XenCpuid.MaxLeaves;

    public CpuidLeaf Apply(uint leaf, uint subleaf, CpuidLeaf has) => !_leaves.TryGetValue((leaf, subleaf), out var wanted) ? has : leaf switch
    {
        // The highest leaf and the vendor.
        0 or FirstExtended => wanted with { Eax = Math.Min(wanted.Eax, has.Eax) },
        // The signature; what each vCPU is told about itself stays.
        1 => new CpuidLeaf(wanted.Eax, has.Ebx, has.Ecx & wanted.Ecx, has.Edx & wanted.Edx),
        7 when subleaf == 0 => has with { Ebx = has.Ebx & wanted.Ebx, Ecx = has.Ecx & wanted.Ecx, Edx = has.Edx & wanted.Edx },
        XenCpuid.FirstLeaf => has with { Eax = wanted.Eax & 0xff },
        FirstExtended + 7 => has with { Edx = has.Edx & wanted.Edx },
        FirstExtended + 1 => has with { Ecx = has.Ecx & wanted.Ecx, Edx = has.Edx & wanted.Edx },
        >= FirstOfBrand and <= LastOfBrand => wanted,
        _ => has,
    };
}
