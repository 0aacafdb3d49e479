namespace Pv.Config.Domain;

/// <summary>
/// What a file says of CPUID: leaves whose registers are given bit by bit, 32 characters each from bit 31 down.
/// <c>0</c> and <c>1</c> force a bit, <c>x</c> leaves it to the default policy, <c>k</c> and <c>s</c> to the host.
/// </summary>
public sealed class CpuidPolicy
{
    private readonly Dictionary<(uint Leaf, uint? Subleaf), CpuidLeaf> _index = [];
    private readonly List<CpuidLeaf> _leaves = [];

    public IReadOnlyList<CpuidLeaf> Leaves => _leaves;

    /// <summary>The leaf, made if there is none.</summary>
    public CpuidLeaf Leaf(uint leaf, uint? subleaf)
    {
        if (_index.TryGetValue((leaf, subleaf), out CpuidLeaf? known))
            return known;

        known = new CpuidLeaf(leaf, subleaf);
        _index.Add((leaf, subleaf), known);
        _leaves.Add(known);
        return known;
    }
}

/// <summary>One leaf; registers in the order eax, ebx, ecx, edx, null where nothing is said.</summary>
public sealed class CpuidLeaf(uint leaf, uint? subleaf)
{
    public uint Leaf { get; } = leaf;

    public uint? Subleaf { get; } = subleaf;

    public string?[] Registers { get; } = new string?[4];
}
