namespace Pv.SystemTests.Hosts;

/// <summary>What this run of the tests is to be.</summary>
internal static class TestRun
{
    /// <summary><c>PV_TESTS=full</c>: every case, every time, however long it takes.</summary>
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("PV_TESTS") == "full";
}
