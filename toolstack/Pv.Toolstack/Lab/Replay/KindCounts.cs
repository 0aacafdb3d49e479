namespace Pv.Toolstack.Lab.Replay;

/// <summary>How calls of a kind enter the hypervisor.</summary>
/// <param name="Alone">By themselves.</param>
/// <param name="Together">With others.</param>
/// <param name="Entries">How many entries they begin.</param>
public readonly record struct KindCounts(long Alone, long Together, long Entries)
{
    public long Calls => Alone + Together;

    internal KindCounts Plus(bool isAlone, bool isFirst) => new(Alone + (isAlone ? 1 : 0), Together + (isAlone ? 0 : 1), Entries + (isFirst ? 1 : 0));

    internal KindCounts Plus(KindCounts other) => new(Alone + other.Alone, Together + other.Together, Entries + other.Entries);
}
