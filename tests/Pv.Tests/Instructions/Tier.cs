namespace Pv.Tests.Instructions;

/// <summary>The software engine's ways to run code, as how often a block is interpreted before it is translated.</summary>
internal static class Tier
{
    /// <summary>Nothing is ever translated.</summary>
    public const int Interpreted = -1;

    /// <summary>Everything is that can be, before it runs.</summary>
    public const int Translated = 0;
}
