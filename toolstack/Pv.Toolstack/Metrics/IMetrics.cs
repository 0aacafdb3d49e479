namespace Pv.Toolstack.Metrics;

/// <summary>What is measured of a host and its domains. Any thread.</summary>
public interface IMetrics
{
    Task<IReadOnlyList<MetricFamily>> MeasureAsync();
}
