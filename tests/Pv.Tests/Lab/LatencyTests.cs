using NUnit.Framework;
using Pv.Dom0.Lab;
using Pv.Toolstack.Lab;
using Pv.Toolstack.Lab.Latency;
using Pv.Toolstack.Lab.Output;

namespace Pv.Tests.Lab;

/// <summary>The latency experiment, shortly, on this machine's engines.</summary>
[TestFixture]
public sealed class LatencyTests
{
    [Test]
    public async Task Everything_is_measured_on_every_engine()
    {
        var host = new LabHost();
        var (rows, _) = await new LatencyExperiment(host, new LabOutput(TextWriter.Null, TextWriter.Null), new LabOptions { Quick = true, Rounds = 3 }).RunAsync(CancellationToken.None);

        Assert.That(rows.Select(row => row.Key), Is.Unique);
        foreach (var engine in host.Engines)
        {
            foreach (var size in LatencyExperiment.Sizes)
                Assert.That(rows.Count(row => row.Label("engine") == engine.Name && row.Label("size") == $"{size}"), Is.EqualTo(2), $"{engine.Name} {size}");
        }
        var names = rows.Select(row => row.Label("what")).ToArray();
        Assert.That(names, Is.SupersetOf((string[])["event to upcall, same pCPU", "timer, lateness", "Dom0: a grant mapped and unmapped, one of 64", "Dom0: a grant copied, one of 64"]));
        if (Environment.ProcessorCount > 1)
            Assert.That(names, Is.SupersetOf((string[])["event to upcall, other pCPU, asleep", "event to upcall, other pCPU, running", "the send to a running vCPU", "ring round trip with Dom0"]));
        foreach (var row in rows)
        {
            Assert.That(row.Times, Has.Length.EqualTo(3).And.All.GreaterThan(0), row.Key);
            var percentiles = row.Values.Where(value => value.Name.EndsWith("_ns", StringComparison.Ordinal)).Select(value => value.Value).ToArray();
            Assert.That(percentiles, Has.Length.EqualTo(5).And.Ordered, row.Key);
        }
        var sentences = LatencyReport.Conclusions(rows);
        Assert.That(sentences, Has.Some.StartsWith("timer, lateness: p50 "));
        Assert.That(sentences.Count(sentence => sentence.StartsWith("Granted bytes on ", StringComparison.Ordinal)), Is.EqualTo(host.Engines.Count));
        Assert.That(() => System.Xml.Linq.XDocument.Parse(SvgChart.Draw(LatencyReport.Chart(rows), "")), Throws.Nothing);
    }
}
