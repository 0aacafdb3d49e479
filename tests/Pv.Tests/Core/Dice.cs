using Pv.Hypervisor.Stepping;

namespace Pv.Tests.Core;

/// <summary>A seed's choices, as random tests make them: it can begin anywhere for nothing, so that each step has one of its own.</summary>
internal struct Dice(ulong seed)
{
    private SeededChoice _choice = new(seed);

    public ulong Next() => _choice.Next();

    public int Below(int limit) => _choice.Below(limit);

    public bool OneIn(int n) => Below(n) == 0;

    public bool Percent(int chance) => Below(100) < chance;

    public T Of<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];
}
