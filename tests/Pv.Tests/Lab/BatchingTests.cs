using System.Globalization;
using NUnit.Framework;
using Pv.Dom0.Lab;
using Pv.Toolstack.Lab;
using Pv.Toolstack.Lab.Batching;

namespace Pv.Tests.Lab;

/// <summary>The batching experiment on this machine's engines, shortly: times are whatever they are, counts are exact.</summary>
[TestFixture]
public sealed class BatchingTests
{
    private static readonly LabOptions Short = new() { Quick = true, Rounds = 3, WarmUp = TimeSpan.Zero };

    [Test]
    public async Task Every_engine_does_every_call_in_every_way_and_the_counts_are_what_they_must_be()
    {
        var host = new LabHost();
        var (rows, rounds) = await RunAsync(host, Short);

        Assert.That(rounds, Is.EqualTo(3));
        Assert.That(rows.Select(row => row.Key), Is.Unique);
        Assert.That(rows.Select(row => row.Label("engine")).Distinct(), Is.EquivalentTo(host.Engines.Select(engine => engine.Name)));
        Assert.That(rows.Select(row => row.Times.Length), Is.All.EqualTo(3));
        Assert.That(rows.SelectMany(row => row.Times), Is.All.GreaterThan(0));
        foreach (var engine in host.Engines)
        {
            Counts(rows, engine.Name, "null", "single", 1, traps: 1, bytesIn: 0, bytesOut: 0);
            // An entry is read, its result is written.
            Counts(rows, engine.Name, "null", "multicall", 32, traps: 1 / 32.0, bytesIn: 64, bytesOut: 8);
            Counts(rows, engine.Name, "null", "multicall", 256, traps: 1 / 256.0, bytesIn: 64, bytesOut: 8);
            Counts(rows, engine.Name, "event-send", "single", 1, traps: 1, bytesIn: 4, bytesOut: 0);
            Counts(rows, engine.Name, "event-send", "multicall", 8, traps: 1 / 8.0, bytesIn: 68, bytesOut: 8);
            // Mapped and unmapped: two calls, whose elements come and go whole.
            Counts(rows, engine.Name, "grant-map", "single", 1, traps: 2, bytesIn: 56, bytesOut: 56);
            Counts(rows, engine.Name, "grant-map", "list", 32, traps: 2 / 32.0, bytesIn: 56, bytesOut: 56);
            Counts(rows, engine.Name, "grant-copy", "list", 32, traps: 1 / 32.0, bytesIn: 40, bytesOut: 40);
            var queued = rows.Where(row => row.Label("engine") == engine.Name && row.Label("way") == "asynchronous").ToArray();
            Assert.That(queued, Environment.ProcessorCount > 1 ? Is.Not.Empty : Is.Empty);
            // A batch enters at most once for each of its calls' kinds, to wake a service that sleeps.
            Assert.That(queued.Select(row => row.Value(BatchingExperiment.Traps) * int.Parse(row.Label("batch"), CultureInfo.InvariantCulture)), Is.All.LessThanOrEqualTo(2));
            Assert.That(rows.Any(row => row.Label("engine") == engine.Name && row.Label("call") == "mmu-update"), Is.EqualTo(engine.OwnsTables));
            if (!engine.OwnsTables)
                continue;
            Counts(rows, engine.Name, "update-va-mapping", "single", 1, traps: 1, bytesIn: 0, bytesOut: 0);
            Counts(rows, engine.Name, "mmu-update", "list", 32, traps: 1 / 32.0, bytesIn: 16, bytesOut: 0);
        }
    }

    [Test]
    public async Task The_same_seed_gives_the_same_counts_and_another_one_too()
    {
        var options = Short with { Engines = ["interpreted"], Calls = ["mmu-update", "memory-op"] };
        var (first, _) = await RunAsync(new LabHost(), options);
        var (second, _) = await RunAsync(new LabHost(), options);
        var (other, _) = await RunAsync(new LabHost(), options with { Seed = 99 });

        Assert.That(second.Select(Counts), Is.EqualTo(first.Select(Counts)));
        Assert.That(other.Select(Counts), Is.EqualTo(first.Select(Counts)), "the seed chooses an order and no work");

        // Whether a queue's service sleeps when calls come is the host's affair, so how often it is woken is no count that repeats.
        static (string, double, double, double) Counts(LabRow row) => (row.Key, row.Label("way") == "asynchronous" ? 0 : row.Value(BatchingExperiment.Traps),
            row.Value(BatchingExperiment.BytesIn), row.Value(BatchingExperiment.BytesOut));
    }

    [Test]
    public void What_there_is_not_is_refused()
        => Assert.That(
            () => RunAsync(new LabHost(), Short with { Engines = ["steam"] }),
            Throws.TypeOf<FormatException>().With.Message.StartsWith("There is no engine 'steam' here: managed, interpreted"));

    private static Task<(IReadOnlyList<LabRow> Rows, int Rounds)> RunAsync(LabHost host, LabOptions options)
        => new BatchingExperiment(host, new LabOutput(TextWriter.Null, TextWriter.Null), options).RunAsync(CancellationToken.None);

    private static void Counts(IReadOnlyList<LabRow> rows, string engine, string call, string way, int batch, double traps, double bytesIn, double bytesOut)
    {
        var row = rows.Single(one => one.Key == $"{engine} {call} {way} {batch}");
        Assert.That(
            (row.Value(BatchingExperiment.Traps), row.Value(BatchingExperiment.BytesIn), row.Value(BatchingExperiment.BytesOut)), Is.EqualTo((traps, bytesIn, bytesOut)), row.Key);
    }
}
