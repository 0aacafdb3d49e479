using NUnit.Framework;

namespace Pv.Tests.Fuzzing;

/// <summary>A short run of the fuzzer (docs/fuzzing.md tells of the long ones).</summary>
[TestFixture]
internal sealed class FuzzTests
{
    private const int CallsOfASeed = 20_000;

    private static readonly int Seeds = Environment.GetEnvironmentVariable("PV_TESTS") == "full" ? 200 : 6;

    [Test]
    public void The_accounts_are_right_whatever_guests_call()
    {
        var statistics = new FuzzStatistics();
        for (var seed = 1ul; seed <= (ulong)Seeds; seed++)
        {
            using var run = new FuzzRun(seed, statistics);
            Assert.That(run.Run(CallsOfASeed)?.ToString(), Is.Null);
        }
    }
}
