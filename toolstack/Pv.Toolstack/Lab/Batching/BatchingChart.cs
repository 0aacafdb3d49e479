using Pv.Toolstack.Lab.Output;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>The curves of an experiment as a chart: a row a call, a column an engine.</summary>
public static class BatchingChart
{
    public static LabChart Of(IReadOnlyList<LabRow> rows, int seed)
    {
        var curves = BatchingCurve.Of(rows);
        var engines = curves.Select(curve => curve.Engine).Distinct().ToArray();
        var calls = curves.Select(curve => curve.Call).Distinct();
        return new LabChart(
            "What a hypercall costs in a batch", "time of one operation, lower is better; the least of the rounds, and above it, in the shade, three quarters of them; one scale a row; sizes of batches and times are logarithmic",
            [
                // A column an engine, even where it lacks a call.
                .. calls.Select(call => (IReadOnlyList<ChartPanel?>)[.. engines.Select(engine => curves.FirstOrDefault(curve => curve.Call == call && curve.Engine == engine) is { } curve ? Panel(curve, seed) : null)]),
            ]);
    }

    private static ChartPanel Panel(BatchingCurve curve, int seed)
    {
        var sizes = curve.Ways.SelectMany(way => way.Rows).Select(BatchingCurve.BatchOf).Distinct().Order().ToArray();
        if (sizes.Length == 0)
            sizes = [1];
        var lines = new List<ChartLine>
        {
            new(ChartStyle.Reference, [.. sizes.Select((_, place) => Point(place, curve.Single))]),
        };
        foreach (var (way, ofWay) in curve.Ways)
        {
            lines.Add(new ChartLine(ChartStyle.Of(way, way == "list" ? 1 : way == "multicall" ? 0 : 2),
                [.. ofWay.Select(row => Point(Array.IndexOf(sizes, BatchingCurve.BatchOf(row)), row))])
            {
                Mark = Array.IndexOf(sizes, BatchingCurve.KneeOf(ofWay, seed).Batch),
            });
        }
        var best = curve.Ways.SelectMany(way => way.Rows).Select(row => row.Time).DefaultIfEmpty(curve.Single.Time).Min();
        return new ChartPanel($"{curve.Call} on {curve.Engine}", [.. sizes.Select(size => size.ToString(Numbers.Culture))], "calls in a batch", lines)
        {
            Remark = string.Create(Numbers.Culture, $"at best {100 * ((best / curve.Single.Time) - 1):+0;-0;0} %"),
        };
    }

    // The least round lies below the half of them in the middle.
    private static ChartPoint Point(int place, LabRow row) => new(place, row.Time, Math.Min(row.Time, row.Low), row.High);
}
