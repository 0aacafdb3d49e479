namespace Pv.Toolstack.Metrics;

/// <summary>A metric of the Prometheus text format with all its samples.</summary>
/// <param name="Name">Its name, units included.</param>
/// <param name="Type"><c>gauge</c> or <c>counter</c>.</param>
/// <param name="Help">One sentence without a full stop.</param>
public sealed record MetricFamily(string Name, string Type, string Help)
{
    public List<MetricSample> Samples { get; } = [];

    public void Add(double value, params (string Name, string Value)[] labels) => Samples.Add(new MetricSample(labels, value));
}

/// <summary>One value of a metric.</summary>
/// <param name="Labels">What it is of.</param>
/// <param name="Value">The value; a count is whole.</param>
public sealed record MetricSample(IReadOnlyList<(string Name, string Value)> Labels, double Value);
