namespace Pv.Tests.Core;

/// <summary>A small generator (SplitMix64) that can begin anywhere for nothing: each step of a random test has one of its own.</summary>
internal struct Dice(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        var z = _state += 0x9e37_79b9_7f4a_7c15;
        z = (z ^ z >> 30) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ z >> 27) * 0x94d0_49bb_1331_11eb;
        return z ^ z >> 31;
    }

    public int Below(int limit) => (int)(Next() % (ulong)limit);

    public bool OneIn(int n) => Below(n) == 0;

    public bool Percent(int chance) => Below(100) < chance;

    public T Of<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];
}
