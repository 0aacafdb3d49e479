using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>What batching comes to, a sentence for each call and engine.</summary>
public static class BatchingConclusions
{
    /// <summary>Ways that differ by less than this are as good as each other.</summary>
    private const double Alike = 0.10;

    /// <summary>What saves less than this saves little.</summary>
    private const double Little = 0.15;

    public static IReadOnlyList<string> Of(IReadOnlyList<LabRow> rows, int seed)
        => [.. BatchingCurve.Of(rows).Select(curve => Sentence(curve, seed)), .. ExitCost.Of(rows).Select(cost => $"{cost}")];

    /// <summary>Whether it is still open where some way that saves stops doing so: another process may tell.</summary>
    public static bool AreOpen(IReadOnlyList<LabRow> rows, int seed)
        => BatchingCurve.Of(rows).SelectMany(curve => curve.Ways.Select(way => (curve.Single, Knee: BatchingCurve.KneeOf(way.Rows, seed)))).Any(way => Saves(way.Knee, way.Single.Time) && way.Knee.IsOpen);

    // At the size that is recommended, not at the longest: what only that would save is not said of this one.
    private static bool Saves(Knee knee, double alone) => knee.Time <= alone * (1 - Little);

    private static string Sentence(BatchingCurve curve, int seed)
    {
        var alone = curve.Single.Time;
        var ways = curve.Ways.Select(way => (Word: Word(way.Way), Knee: BatchingCurve.KneeOf(way.Rows, seed))).OrderBy(way => way.Knee.Least).ToArray();
        var text = $"{curve.Call} on {curve.Engine}: ";
        if (ways.Length == 0)
            return text + $"{Numbers.Time(alone)} alone.";
        var (word, best) = ways[0];
        if (!Saves(best, alone))
            return text + $"batches save {(best.Least < alone ? $"little: {Percent(alone, best.Least)} at best" : "nothing")} ({Numbers.Time(alone)} alone, {Numbers.Time(best.Least)} by {word} as long as can be).";
        text += $"{word} of {best} saves {Percent(alone, best.Time)} ({Numbers.Time(alone)} alone, {Numbers.Time(best.Time)} so); beyond, next to nothing more is saved";
        foreach (var (otherWord, other) in ways.Skip(1))
        {
            text += other.Least <= best.Least * (1 + Alike) ? $"; {otherWord} of {other} is as good"
                : other.Least > alone * (1 + Alike) ? $"; {otherWord} costs more than it saves"
                : !Saves(other, alone) ? $"; {otherWord} saves little"
                : $"; {otherWord} of {other} saves {Percent(alone, other.Time)}";
        }
        return text + OfMulticalls(curve) + ".";
    }

    /// <summary>Of the null call, whose handler is next to nothing: what becomes of the cost of the way in and out.</summary>
    private static string OfMulticalls(BatchingCurve curve)
    {
        if (curve.Call != NullCall.Word || curve.Ways.FirstOrDefault(way => way.Way == "multicall").Rows?.FirstOrDefault(row => BatchingCurve.BatchOf(row) == ExitCost.Batch) is not { } row)
            return "";
        var saved = 1 - (((ExitCost.Batch * row.Time) - curve.Single.Time) / ((ExitCost.Batch - 1) * curve.Single.Time));
        var entries = ExitCost.Batch * row.Value(BatchingExperiment.Traps);
        return string.Create(Numbers.Culture,
            $"; {ExitCost.Batch} in a multicall enter the hypervisor {Times(entries)}, and of the other {ExitCost.Batch - 1} calls' time {100 * saved:f0} % is saved{OfQueue(curve)}");
    }

    /// <summary>Whether the hypervisor is entered at all for what is left in a queue.</summary>
    private static string OfQueue(BatchingCurve curve)
        => curve.Ways.FirstOrDefault(way => way.Way == "asynchronous").Rows?.FirstOrDefault(row => BatchingCurve.BatchOf(row) == ExitCost.Batch) is { } row
            ? string.Create(Numbers.Culture, $"; {ExitCost.Batch} left in the queue enter it {Times(ExitCost.Batch * row.Value(BatchingExperiment.Traps))}") : "";

    private static string Times(double entries) => entries switch
    {
        0 => "never",
        1 => "once",
        _ => $"{Numbers.Each(entries)} times",
    };

    private static string Percent(double alone, double batched) => string.Create(Numbers.Culture, $"{100 * (1 - (batched / alone)):f0} %");

    private static string Word(string way) => way switch
    {
        "list" => "a list argument",
        "asynchronous" => "an asynchronous batch",
        _ => "a " + way,
    };
}
