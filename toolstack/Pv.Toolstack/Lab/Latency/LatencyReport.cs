using Pv.Toolstack.Lab.Output;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Latency;

/// <summary>Latencies as sentences and charts: percentiles of what is waited for, and by size what is better, mapping or copying.</summary>
public static class LatencyReport
{
    private static readonly string[] Percentiles = ["p50", "p90", "p99", "p99.9"];

    public static IReadOnlyList<string> Conclusions(IReadOnlyList<LabRow> rows) =>
    [
        .. rows.Where(row => !IsTransfer(row)).Select(row => $"{row.Label("what")}: {string.Join(", ", Percentiles.Select(name => $"{name} {Numbers.Time(row.Value(name + "_ns"))}"))}."),
        .. rows.Where(IsTransfer).GroupBy(row => row.Label("engine")).Select(ofEngine => $"Granted bytes on {ofEngine.Key}: {Better(ofEngine)}."),
    ];

    public static LabChart Chart(IReadOnlyList<LabRow> rows)
    {
        var waits = rows.Where(row => !IsTransfer(row)).ToArray();
        var panels = new List<IReadOnlyList<ChartPanel?>>();
        if (waits.Length > 0)
            panels.Add([Waits("Events", waits, row => row.Label("what").StartsWith("event", StringComparison.Ordinal)), Waits("Timer, back end", waits, row => row.Label("what") is "timer, lateness" or "ring round trip with Dom0"), Waits("One of a batch", waits, row => row.Label("what").StartsWith("Dom0", StringComparison.Ordinal) || row.Label("what").StartsWith("the send", StringComparison.Ordinal))]);
        panels.Add([.. rows.Where(IsTransfer).GroupBy(row => row.Label("engine")).Select(ofEngine => (ChartPanel?)Transfers(ofEngine))]);
        return new LabChart("How long a guest waits", "lower is better; times are logarithmic, one scale a row; above: percentiles; below: Dom0's bytes copied by the hypervisor, or mapped, copied by the guest and unmapped", panels);
    }

    private static ChartPanel? Waits(string title, LabRow[] rows, Func<LabRow, bool> isOf)
        => rows.Where(isOf).ToArray() is { Length: > 0 } chosen
            ? new ChartPanel(title, Percentiles, "percentile",
            [
                .. chosen.Select((row, i) => new ChartLine(ChartStyle.Of(row.Label("what"), Array.IndexOf(rows, row)),
                    [.. Percentiles.Select((name, place) => row.Value(name + "_ns") is var time ? new ChartPoint(place, time, time, time) : default)])),
            ])
            : null;

    private static ChartPanel Transfers(IGrouping<string, LabRow> rows)
    {
        string[] sizes = [.. rows.Select(row => row.Label("size")).Distinct()];
        return new ChartPanel($"Granted bytes on {rows.Key}", sizes, "bytes",
        [
            .. rows.GroupBy(row => row.Label("what")).Select((way, i) => new ChartLine(ChartStyle.Of(way.Key, i),
                [.. way.Select(row => new ChartPoint(Array.IndexOf(sizes, row.Label("size")), row.Time, row.Low, row.High))])),
        ]);
    }

    /// <summary>From which size on which way wins.</summary>
    private static string Better(IEnumerable<LabRow> rows)
    {
        var sizes = rows.GroupBy(row => row.Label("size"))
            .Select(size => (Size: size.Key, Copy: size.First(row => row.Label("what") == LatencyExperiment.GrantCopy).Time, Map: size.First(row => row.Label("what") == LatencyExperiment.GrantMap).Time)).ToArray();
        var all = string.Join(", ", sizes.Select(size => $"{size.Size} B {Numbers.Time(size.Copy)} : {Numbers.Time(size.Map)}"));
        var wins = sizes.Where(size => size.Map < size.Copy).ToArray();
        return (wins.Length == 0 ? "a copy is better at every size" : wins.Length == sizes.Length ? "a map is better at every size" : $"a map is better at {string.Join(", ", wins.Select(size => size.Size))} bytes, a copy at the others") + $" (copied : mapped: {all})";
    }

    private static bool IsTransfer(LabRow row) => row.Label("what") is LatencyExperiment.GrantCopy or LatencyExperiment.GrantMap;
}
