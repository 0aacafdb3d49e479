using NUnit.Framework;
using Pv.Hypervisor.Stepping;

namespace Pv.Tests.Determinism;

/// <summary>Races between hypercalls, searched by seeds: none goes wrong, and in a core without one of its locks they do.</summary>
[TestFixture]
internal sealed class SeedSearchTests
{
    private static readonly ulong Seeds = TestAmount.IsFull ? 20_000ul : 150;

    private static readonly object[] Scenes =
    [
        new TestCaseData((Func<Stepper, TraceLog, string?>)RaceScenes.GrantMapAgainstEndOfAccess).SetArgDisplayNames("grant map, end of access"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)RaceScenes.ExchangeAgainstGrantMap).SetArgDisplayNames("exchange, grant map"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)RaceScenes.TwoUnmapsOfOneGrant).SetArgDisplayNames("two unmaps of one grant"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)RaceScenes.EventBindAgainstClose).SetArgDisplayNames("event bind, close"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)RaceScenes.TwoVcpusOnSharedTables).SetArgDisplayNames("two vCPUs, shared tables"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)RaceScenes.ExchangeAgainstCopyOut).SetArgDisplayNames("exchange, copy out"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)RaceScenes.DestructionAgainstMapsAndBinds).SetArgDisplayNames("destruction, map"),
    ];

    [TestCaseSource(nameof(Scenes))]
    public void No_interleaving_goes_wrong(Func<Stepper, TraceLog, string?> scene)
    {
        var report = new SeedSearch(scene).Run(1, Seeds);
        TestContext.Out.WriteLine(
            $"{report.Seeds} seeds, {report.Interleavings} interleavings, {report.Traces} traces, {report.Calls} hypercalls, the turn changed {report.Changes} times");
        Assert.Multiple(() =>
        {
            Assert.That(report.Failures, Is.Empty);
            Assert.That(report.Interleavings, Is.GreaterThan((int)Seeds * 9 / 10), "seeds that are no other interleaving search nothing");
        });
    }
}
