namespace Pv.Tests;

/// <summary>How much a run tries.</summary>
internal static class TestAmount
{
    /// <summary><c>PV_TESTS=full</c> in the environment: far more of everything that is drawn.</summary>
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("PV_TESTS") == "full";
}
