using NUnit.Framework;
using Pv.Hypervisor.Stepping;

namespace Pv.Tests.Determinism;

/// <summary>The proof that the search finds what it is for: a core that does not take one of its locks.</summary>
[TestFixture]
internal sealed class LostLockTests
{
    private const ulong MostSeeds = 300;
    private const int Replays = 20;

    private static readonly object[] Losses =
    [
        new TestCaseData("the page tables of", (Func<Stepper, TraceLog, string?>)RaceScenes.TwoVcpusOnSharedTables).SetArgDisplayNames("page tables"),
        new TestCaseData("the grants of", (Func<Stepper, TraceLog, string?>)RaceScenes.TwoUnmapsOfOneGrant).SetArgDisplayNames("grants"),
        new TestCaseData("the events of", (Func<Stepper, TraceLog, string?>)RaceScenes.EventBindAgainstClose).SetArgDisplayNames("events"),
    ];

    [TestCaseSource(nameof(Losses))]
    public void A_core_without_one_of_its_locks_is_found_and_the_seed_replays(string name, Func<Stepper, TraceLog, string?> scene)
    {
        var search = new SeedSearch(scene) { LeavesOut = locked => locked.StartsWith(name, StringComparison.Ordinal), MostPoints = 50_000 };
        var report = search.Run(1, MostSeeds, stopAtFailure: true);
        Assert.That(report.Failures, Is.Not.Empty, $"{report.Seeds} seeds found nothing");
        var (seed, reason) = report.Failures[0];
        TestContext.Out.WriteLine($"seed {seed}: {reason}");
        var first = search.Run(seed);
        for (var i = 0; i < Replays; i++)
        {
            var again = search.Run(seed);
            Assert.That((again.Failure, again.Trace.Text, again.Interleaving), Is.EqualTo((reason, first.Trace.Text, first.Interleaving)));
        }
    }
}
