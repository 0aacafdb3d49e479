namespace Pv.Hypervisor.Stepping;

/// <summary>A sequence of choices that a seed determines, on every host and runtime (SplitMix64: Steele, Lea, Flood, OOPSLA 2014).</summary>
public struct SeededChoice(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        var word = _state += 0x9e37_79b9_7f4a_7c15;
        word = (word ^ word >> 30) * 0xbf58_476d_1ce4_e5b9;
        word = (word ^ word >> 27) * 0x94d0_49bb_1331_11eb;
        return word ^ word >> 31;
    }

    /// <summary>A number from 0 up to, not including, <paramref name="limit"/>.</summary>
    public int Below(int limit) => (int)(Next() % (uint)limit);
}
