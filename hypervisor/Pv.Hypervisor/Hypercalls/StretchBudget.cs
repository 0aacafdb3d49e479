namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// How much Dom0 does at once. It holds no pCPU that could be wanted, but locks for which others wait: after so much work it gives them back, and
/// the call goes on by itself.
/// </summary>
/// <remarks>One stretch of one call, on one thread.</remarks>
internal sealed class StretchBudget : IPreemptible
{
    /// <summary>The most of one stretch.</summary>
    public const int Entries = 512;

    // Nobody looks more seldom than after so many entries of small work, so this much is left when a stretch is said to be over.
    private const int BetweenLooks = 64;

    private int _spent;

    /// <summary>Whether the stretch is over.</summary>
    public bool IsSpent => _spent + BetweenLooks >= Entries;

    /// <summary>What may still be done.</summary>
    public int Left => Math.Max(0, Entries - BetweenLooks - _spent);

    public void Spend(int entries) => _spent += entries;

    public bool IsWantedAfter(int entries)
    {
        Spend(entries);
        return IsSpent;
    }

    /// <summary>The next stretch begins.</summary>
    public void Renew() => _spent = 0;
}
