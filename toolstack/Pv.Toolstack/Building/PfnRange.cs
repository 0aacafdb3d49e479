using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>Consecutive pages of a domain.</summary>
/// <param name="First">The first page.</param>
/// <param name="Count">How many there are.</param>
public readonly record struct PfnRange(Pfn First, ulong Count)
{
    /// <summary>One past the last page.</summary>
    public Pfn End => First.Plus(Count);

    public bool Contains(Pfn pfn) => pfn.Value >= First.Value && pfn.Value < End.Value;

    public override string ToString() => $"{First} x {Count}";
}
