namespace Pv.Tests.Fuzzing;

/// <summary>An invariant that did not hold, or an exception that escaped: which seed and which step, and what.</summary>
internal sealed record FuzzFailure(ulong Seed, long Step, string Last, string What)
{
    public override string ToString() => $"seed {Seed} step {Step}: {Last}\n{What}";
}
