using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>What batching comes to, a sentence for each call and engine.</summary>
public static class BatchingConclusions
{
    /// <summary>Ways that differ by less than this are as good as each other.</summary>
    private const double Alike = 0.10;

    /// <summary>What saves less than this saves little.</summary>
    private const double Little = 0.15;

    /// <summary>The size at which a multicall is held against as many calls: Linux's are of that size at most.</summary>
    private const int Usual = 32;

    public static IReadOnlyList<string> Of(IReadOnlyList<LabRow> rows, int seed)
        => [.. BatchingCurve.Of(rows).Select(curve => Sentence(curve, seed))];

    private static string Sentence(BatchingCurve curve, int seed)
    {
        var alone = curve.Single.Median;
        var ways = curve.Ways.Select(way => (Word: Word(way.Way), Knee: BatchingCurve.KneeOf(way.Rows, seed))).OrderBy(way => way.Knee.Least).ToArray();
        var text = $"{curve.Call} on {curve.Engine}: ";
        if (ways.Length == 0)
            return text + $"{Numbers.Time(alone)} alone.";
        var (word, best) = ways[0];
        if (best.Least > alone * (1 - Little))
            return text + $"batches save {(best.Least < alone ? $"little: {Percent(alone, best.Least)} at best" : "nothing")} ({Numbers.Time(alone)} alone, {Numbers.Time(best.Least)} by {word} as long as can be).";
        text += $"{word} of {best} saves {Percent(alone, best.Time)} ({Numbers.Time(alone)} alone, {Numbers.Time(best.Time)} so); beyond, next to nothing more is saved";
        foreach (var (otherWord, other) in ways.Skip(1))
        {
            text += other.Least <= best.Least * (1 + Alike) ? $"; {otherWord} of {other} is as good"
                : other.Least > alone * (1 + Alike) ? $"; {otherWord} costs more than it saves"
                : other.Least > alone * (1 - Little) ? $"; {otherWord} saves little"
                : $"; {otherWord} of {other} saves {Percent(alone, other.Time)}";
        }
        return text + OfMulticalls(curve) + ".";
    }

    /// <summary>Of the null call, whose handler is next to nothing: what becomes of the cost of the way in and out.</summary>
    private static string OfMulticalls(BatchingCurve curve)
    {
        if (curve.Call != NullCall.Word || curve.Ways.FirstOrDefault(way => way.Way == "multicall").Rows?.FirstOrDefault(row => BatchingCurve.BatchOf(row) == Usual) is not { } row)
            return "";
        var saved = 1 - (((Usual * row.Median) - curve.Single.Median) / ((Usual - 1) * curve.Single.Median));
        var entries = Usual * row.Value(BatchingExperiment.Traps);
        return string.Create(Numbers.Culture,
            $"; {Usual} in a multicall enter the hypervisor {Times(entries)}, and of the other {Usual - 1} calls' time {100 * saved:f0} % is saved{OfQueue(curve)}");
    }

    /// <summary>Whether the hypervisor is entered at all for what is left in a queue.</summary>
    private static string OfQueue(BatchingCurve curve)
        => curve.Ways.FirstOrDefault(way => way.Way == "asynchronous").Rows?.FirstOrDefault(row => BatchingCurve.BatchOf(row) == Usual) is { } row
            ? string.Create(Numbers.Culture, $"; {Usual} left in the queue enter it {Times(Usual * row.Value(BatchingExperiment.Traps))}") : "";

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
