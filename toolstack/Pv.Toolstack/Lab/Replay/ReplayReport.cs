using Pv.Toolstack.Commands;
using Pv.Toolstack.Lab.Output;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>What batching would have saved a traced guest, as rows, sentences and a chart.</summary>
public static class ReplayReport
{
    public const string Name = "replay";

    private const int KindsShown = 5;

    /// <summary>A row for each kind of call and rules, and one for the whole; no times, but counts.</summary>
    public static IReadOnlyList<LabRow> Rows(IReadOnlyList<ReplayCounts> all)
        =>
        [
            .. from kind in all[0].Kinds.OrderByDescending(kind => kind.Value.Calls).Select(kind => kind.Key)
               from counts in all
               select Row(TraceText.Name((ulong)kind), counts.Rules, counts.Kinds.GetValueOrDefault(kind)),
            .. all.Select(counts => Row("all", counts.Rules, counts.All)),
        ];

    public static IReadOnlyList<string> Conclusions(IReadOnlyList<ReplayCounts> all, IReadOnlyList<ReplayCosts> costs)
    {
        var traced = all[0];
        var sentences = new List<string> { $"{Count(traced.All.Calls)} calls entered the hypervisor {Count(traced.Entries)} times; {Count(traced.All.Together)} of them came in multicalls with others." };
        foreach (var counts in all.Skip(1))
        {
            sentences.Add($"Under {counts.Rules} rules {Count(counts.Entries)} entries would do: {Percent(counts.Entries, traced.Entries)} fewer. {Longest(counts)}");
            sentences.AddRange(counts.Shapes.Select(shape => $"    {Count(shape.Saved)} entries saved in {Count(shape.Count)} batches of {shape.Shape}"));
            sentences.AddRange(costs.Select(cost =>
                $"    on {cost.Engine} the ways in and out would take {Numbers.Time(cost.TimeOf(counts))} instead of {Numbers.Time(cost.TimeOf(traced))} (a call alone {Numbers.Time(cost.Single)}, a multicall {Numbers.Time(cost.Batch)} and {Numbers.Time(cost.Entry)} an entry)"));
        }
        sentences.Add("What the guest did between two calls (read a page table, take a fault or an interrupt) the trace does not tell: these are the most that batching could save.");
        return sentences;
    }

    public static LabChart Chart(IReadOnlyList<ReplayCounts> all)
    {
        string[] places = [.. all.Select(counts => counts.Rules)];
        var kinds = all[0].Kinds.OrderByDescending(kind => kind.Value.Alone).Take(KindsShown).Select(kind => kind.Key).ToArray();
        var lines = new List<ChartLine> { Line(ChartStyle.Reference with { Name = "all entries" }, counts => counts.Entries) };
        lines.AddRange(kinds.Select((kind, i) => Line(ChartStyle.Of($"{TraceText.Name((ulong)kind)} alone", i), counts => counts.Kinds.GetValueOrDefault(kind).Alone)));
        return new LabChart(
            "What batching would have saved", "entries into the hypervisor, lower is better: as traced, under Linux's rules, under perfect ones; calls that still enter alone, by kind; logarithmic",
            [[new ChartPanel("entries", places, "rules", lines)]])
        {
            IsCount = true,
        };

        ChartLine Line(ChartStyle style, Func<ReplayCounts, long> count)
            => new(style, [.. all.Select((counts, place) => Math.Max(1.0, count(counts)) is var value ? new ChartPoint(place, value, value, value) : default)]);
    }

    private static LabRow Row(string kind, string rules, KindCounts counts)
        => new([("kind", kind), ("rules", rules)], [], [("calls", counts.Calls), ("alone", counts.Alone), ("in_batches", counts.Together), ("entries", counts.Entries)]);

    private static string Longest(ReplayCounts counts)
    {
        var several = counts.Batches.Where(batch => batch.Key > 1).ToArray();
        return several.Length == 0 ? "" : $"{Count(several.Sum(batch => batch.Value))} batches, of {several.Sum(batch => batch.Key * batch.Value) / (double)several.Sum(batch => batch.Value):f1} calls on average and {several.Max(batch => batch.Key)} at most.";
    }

    private static string Count(long number) => number.ToString("N0", Numbers.Culture);

    private static string Percent(long now, long before) => string.Create(Numbers.Culture, $"{100 * (1 - (now / (double)before)):f0} %");
}
