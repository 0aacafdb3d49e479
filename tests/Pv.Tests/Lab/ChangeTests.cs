using NUnit.Framework;
using Pv.Toolstack.Lab;
using Pv.Toolstack.Lab.Output;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Tests.Lab;

/// <summary>Comparing a run with an older one.</summary>
[TestFixture]
public sealed class ChangeTests
{
    [TestCase(1.0, ChangeVerdict.None)]
    [TestCase(1.02, ChangeVerdict.None, TestName = "A difference as small as that of two runs is none")]
    [TestCase(0.8, ChangeVerdict.Faster)]
    [TestCase(1.3, ChangeVerdict.Slower)]
    public void A_change_is_told_from_noise(double factor, ChangeVerdict verdict)
    {
        var change = Change.Between(Times(1, 100, 0.1), Times(2, 100 * factor, 0.1), seed: 1);

        Assert.That(change.Verdict, Is.EqualTo(verdict));
        Assert.That(change.Ratio, Is.InRange(change.Low, change.High));
        Assert.That(change.Ratio, Is.EqualTo(factor).Within(0.05));
    }

    [Test]
    public void What_scatters_more_than_it_differs_is_no_change()
        => Assert.That(Change.Between(Times(1, 100, 3), Times(2, 115, 3), seed: 1).Verdict, Is.EqualTo(ChangeVerdict.None));

    [Test]
    public void Processes_that_differ_among_themselves_make_no_change()
    {
        // Two of three were slow, then one of three: by the rounds alone that would be a change for certain.
        double[] Process(int seed, double time) => Times(seed, time, 0.02).Times[..30];
        var before = new Sample([.. Process(1, 100), .. Process(2, 130), .. Process(3, 130)], 3);
        var after = new Sample([.. Process(4, 100), .. Process(5, 100), .. Process(6, 130)], 3);

        Assert.That(Change.Between(before, after, seed: 1).Verdict, Is.EqualTo(ChangeVerdict.None));
        Assert.That(Change.Between(before with { Processes = 1 }, after with { Processes = 1 }, seed: 1).Verdict, Is.EqualTo(ChangeVerdict.Faster));
    }

    [Test]
    public void Rows_of_several_processes_are_joined()
    {
        var joined = LabRow.Join([new LabRow([("call", "null")], [1, 2, 3], [("traps", 1), ("gc_pause_ns", 5)]), new LabRow([("call", "null")], [7, 8, 9], [("traps", 1), ("gc_pause_ns", 6)])]);

        Assert.That((joined.Key, joined.Processes, joined.Time, joined.Value("traps"), joined.Value("gc_pause_ns")), Is.EqualTo(("null", 2, 5.0, 1.0, 11.0)));
        Assert.That(LabJson.Read(LabJson.Write(new LabResult("batching", [], [joined], []))).Rows[0].Processes, Is.EqualTo(2));
    }

    [Test]
    public void The_sentence_has_the_bounds()
    {
        Assert.That($"{new Change(0.88, 0.85, 0.91)}", Is.EqualTo("faster by 12 % (9..15)"));
        Assert.That($"{new Change(1.3, 1.25, 1.36)}", Is.EqualTo("slower by 30 % (25..36)"));
        Assert.That($"{new Change(1.01, 0.97, 1.04)}", Is.EqualTo("no change seen"));
    }

    [Test]
    public void Runs_are_matched_row_by_row_and_what_differs_around_them_is_said()
    {
        var before = Result("a machine", ("null", 100), ("gone", 100));
        var after = Result("another machine", ("null", 50), ("new", 100));

        var comparison = LabComparison.Of(before, LabJson.Read(LabJson.Write(after)), seed: 1);

        Assert.That(comparison.Rows.Select(row => (row.Row.Key, row.Change.Verdict)), Is.EqualTo([("null", ChangeVerdict.Faster)]));
        Assert.That(comparison.Warnings, Is.EqualTo((string[])["machine differs: a machine then, another machine now", "1 of 2 measurements are not in the older run"]));
        Assert.That(comparison.IsSlower, Is.False);
        Assert.That(LabComparison.Of(after, before with { Rows = [Row("null", 200)] }, 1).IsSlower);
        Assert.That(() => LabComparison.Of(before with { Experiment = "latency" }, after, 1), Throws.TypeOf<FormatException>());
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"format": 1}""")]
    [TestCase("""{"format": 1, "experiment": "batching", "facts": {}, "rows": [{}], "conclusions": []}""")]
    [TestCase("""{"format": 1, "experiment": "batching", "facts": {}, "rows": [{"labels": {}, "times_ns": ["x"], "values": {}}], "conclusions": []}""")]
    [TestCase("""{"format": 1, "experiment": "batching", "facts": {}, "rows": [{"labels": {}, "times_ns": [1], "values": {}, "processes": 0}], "conclusions": []}""")]
    public void What_is_no_result_is_refused_with_a_sentence(string text)
        => Assert.That(() => LabJson.Read(text), Throws.TypeOf<FormatException>().With.Message.Contains("it is no result of xl lab"));

    private static LabResult Result(string machine, params (string Call, double Time)[] rows)
        => new("batching", [("machine", machine), ("seed", "1")], [.. rows.Select(row => Row(row.Call, row.Time))], ["a sentence"]);

    private static LabRow Row(string call, double time) => new([("call", call)], Times(5, time, 0.1).Times, [("traps", 1)]);

    private static Sample Times(int seed, double time, double noise)
    {
        var random = new Random(seed);
        return new Sample([.. Enumerable.Range(0, 31).Select(_ => time * (1 + (noise * (random.NextDouble() - 0.5))))], Processes: 1);
    }
}
