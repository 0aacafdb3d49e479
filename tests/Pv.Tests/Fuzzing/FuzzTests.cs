using NUnit.Framework;

namespace Pv.Tests.Fuzzing;

/// <summary>A short run of the fuzzer (docs/fuzzing.md tells of the long ones).</summary>
[TestFixture]
internal sealed class FuzzTests
{
    private static readonly int Seeds = TestAmount.IsFull ? 200 : 4;

    /// <summary>The same on every day: a search for what nobody found yet is for runs that somebody watches, and those take one of the day as well.</summary>
    private static IEnumerable<ulong> AllSeeds
        => [.. Enumerable.Range(1, Seeds).Select(seed => (ulong)seed), .. TestAmount.IsFull ? [(ulong)DateOnly.FromDateTime(DateTime.UtcNow).DayNumber] : Array.Empty<ulong>()];

    [Test]
    public void The_accounts_are_right_whatever_guests_call()
    {
        var statistics = new FuzzStatistics();
        foreach (var seed in AllSeeds)
        {
            using var run = new FuzzRun(seed, statistics);
            Assert.That(run.Run(20_000)?.ToString(), Is.Null);
        }
        TestContext.Out.Write(statistics.Report(TimeSpan.FromSeconds(1)));
        Assert.That(statistics.Pairs(), Has.Count.GreaterThan(500), "so many different answers");
        Assert.That(statistics.Pairs().Keys.Count(pair => pair.Call.StartsWith("queued ", StringComparison.Ordinal)), Is.GreaterThan(40), "of calls that queues made");
        Assert.That(statistics.RefusalChecks, Is.GreaterThan(1000));
    }

    [Test]
    public void The_accounts_are_right_when_vcpus_call_at_once_in_turns_of_a_seed()
    {
        var statistics = new FuzzStatistics();
        foreach (var seed in AllSeeds)
        {
            using var run = new ConcurrentFuzzRun(seed, statistics, inTurns: true);
            Assert.That(run.Run(3_000)?.ToString(), Is.Null);
        }
    }

    [Test]
    public void The_accounts_are_right_when_vcpus_call_at_once_on_threads()
    {
        var statistics = new FuzzStatistics();
        using var run = new ConcurrentFuzzRun(1, statistics, inTurns: false);
        Assert.That(run.Run(Seeds * 5_000)?.ToString(), Is.Null);
    }

    [Test]
    public void The_accounts_are_right_whatever_machine_code_does_in_turns_of_a_seed()
    {
        var statistics = new FuzzStatistics();
        foreach (var seed in AllSeeds)
        {
            using var run = new ConcurrentFuzzRun(seed, statistics, inTurns: true, runsCode: true);
            Assert.That(run.Run(1_000)?.ToString(), Is.Null);
        }
        TestContext.Out.Write(statistics.Report(TimeSpan.FromSeconds(1)));
        // Otherwise nothing was looked at.
        Assert.That(statistics.Programs, Is.GreaterThan(500));
        Assert.That(statistics.Translations, Is.GreaterThan(500));
        Assert.That(statistics.Probes, Is.GreaterThan(500));
    }

    [Test]
    public void The_accounts_are_right_whatever_machine_code_does_on_threads()
    {
        var statistics = new FuzzStatistics();
        using var run = new ConcurrentFuzzRun(1, statistics, inTurns: false, runsCode: true);
        Assert.That(run.Run(Seeds * 250)?.ToString(), Is.Null);
    }

    [Test]
    public void The_same_seed_makes_the_same_machine_code_do_the_same([Values(2ul, 3ul)] ulong seed)
    {
        Assert.That(Tell(), Is.EqualTo(Tell()));

        IEnumerable<(string, string, long)> Tell()
        {
            var statistics = new FuzzStatistics();
            using (var run = new ConcurrentFuzzRun(seed, statistics, inTurns: true, runsCode: true))
                run.Run(300);
            return [.. statistics.Pairs().Select(pair => (pair.Key.Call, pair.Key.Outcome, pair.Value))];
        }
    }

    [Test]
    public void The_same_seed_makes_the_same_calls_with_the_same_answers()
    {
        Assert.That(Tell(), Is.EqualTo(Tell()));

        static List<string> Tell()
        {
            List<string> told = [];
            using var run = new FuzzRun(3, new FuzzStatistics()) { Told = (step, what) => told.Add($"{step} {what}") };
            // Addresses of Dom0's arguments are the process's own.
            run.Run(300);
            return [.. told.Where(line => !line.Contains("dom0", StringComparison.Ordinal))];
        }
    }
}
