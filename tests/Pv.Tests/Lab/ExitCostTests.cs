using NUnit.Framework;
using Pv.Toolstack.Lab;
using Pv.Toolstack.Lab.Batching;
using Pv.Toolstack.Lab.Output;

namespace Pv.Tests.Lab;

/// <summary>What an exit costs, from rows whose parts are known.</summary>
[TestFixture]
public sealed class ExitCostTests
{
    private const double Guest = 10, Handler = 5, Filling = 4;

    [Test]
    public void The_parts_of_a_call_are_told_apart()
    {
        var cost = ExitCost.Of(Rows((Exit: 60, Entry: 8))).Single();

        Assert.That((cost.Guest, cost.Exit, cost.Handler, cost.Filling, cost.Entry), Is.EqualTo((Guest, 60.0, Handler, Filling, 8.0)).Within(1e-9));
        Assert.That($"{cost with { Handler = -1 }}", Does.Contain("and next to nothing for the null call"));
        // 31 exits of 60 ns are not made, 32 entries of 8 ns are.
        Assert.That(cost.Saved, Is.EqualTo(((31 * 60) - (32 * 8)) / (31 * 60.0)).Within(1e-9));
        Assert.That($"{cost}", Is.EqualTo("An exit on an engine costs 60.0 ns (beside it the guest's 10.0 ns and 5.00 ns for the null call), an entry of a multicall 8.00 ns (and 4.00 ns to write it): 32 in one save 86 % (86..86) of what the other 31 exits cost."));
    }

    [Test]
    public void Processes_are_judged_one_by_one()
    {
        var cost = ExitCost.Of(Rows((60, 8), (30, 30), (90, 9))).Single();

        Assert.That((cost.Exit, cost.Entry), Is.EqualTo((60.0, 9.0)).Within(1e-9), "the medians");
        Assert.That((cost.SavedLow, cost.SavedHigh), Is.EqualTo((1 - (32 / 31.0), 1 - (32 * 9 / (31 * 90.0)))).Within(1e-9));
    }

    [Test]
    public void Without_its_parts_nothing_is_said_and_charts_and_sentences_leave_them_out()
    {
        var rows = Rows((60, 8));

        Assert.That(ExitCost.Of([.. rows.Where(row => row.Label("call") != PartOfNullCall.Omitted)]), Is.Empty);
        Assert.That(BatchingCurve.Of([.. rows, ExitCost.Of(rows).Single().ToRow()]).Select(curve => curve.Call), Is.EqualTo((string[])["null"]));
        var table = LabText.Table([.. rows, ExitCost.Of(rows).Single().ToRow()]).ToArray();
        Assert.That(table[^2], Does.Contain("exit_ns").And.Contain("saved"), "a table of its own");
        Assert.That(table[^3], Is.Empty);
    }

    /// <summary>What would be measured in processes whose exits and entries cost so much.</summary>
    private static LabRow[] Rows(params (double Exit, double Entry)[] processes)
    {
        return
        [
            Row("null", "single", 1, one => Guest + one.Exit + Handler), Row("absent", "single", 1, one => Guest + one.Exit),
            Row("absent", "multicall", 32, one => ((Guest + one.Exit) / 32) + Filling + one.Entry), Row("omitted", "single", 1, _ => Guest), Row("omitted", "multicall", 32, _ => (Guest / 32) + Filling),
        ];

        LabRow Row(string call, string way, int batch, Func<(double Exit, double Entry), double> time)
            => new([("engine", "an engine"), ("call", call), ("way", way), ("batch", $"{batch}")], [.. processes.SelectMany(one => (double[])[time(one) * 2, time(one), time(one) * 3])], [(BatchingExperiment.Traps, 1)])
            {
                Processes = processes.Length,
                Share = 0,
            };
    }
}
