using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Latency;

/// <summary>One thing whose latency is measured, and what it took so far.</summary>
/// <param name="what">What it is.</param>
/// <param name="size">Of what size, or nothing.</param>
/// <param name="engine">On what engine.</param>
/// <param name="measure">Does it some times. Returns nanoseconds, one for each time.</param>
internal sealed class LatencyItem(string what, string size, string engine, Func<Random, double[]> measure)
{
    private static readonly (string Name, double Share)[] Percentiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("worst", 1)];

    private readonly List<double> _medians = [], _all = [];

    public void WarmUp(Random random) => measure(random);

    public void Measure(Random random)
    {
        var times = measure(random);
        _medians.Add(Sample.Quantile(times, 0.5));
        _all.AddRange(times);
    }

    /// <summary>The rounds' medians, to be compared with, and the percentiles of everything.</summary>
    public LabRow ToRow()
    {
        var sorted = _all.ToArray();
        Array.Sort(sorted);
        return new LabRow(
            [("what", what), ("size", size), ("engine", engine)], [.. _medians],
            [.. Percentiles.Select(percentile => (percentile.Name + "_ns", Sample.OfSorted(sorted, percentile.Share))), ("samples", sorted.Length)]);
    }
}
