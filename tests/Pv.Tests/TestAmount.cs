namespace Pv.Tests.Instructions;

/// <summary>How much a run compares: <c>PV_TESTS=full</c> in the environment multiplies the rows.</summary>
internal static class TestAmount
{
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("PV_TESTS") == "full";

    /// <summary>Sets of inputs for each form.</summary>
    public static int RowsOfAForm => IsFull ? 24 : 8;
}
