using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab;

/// <summary>One thing that was measured.</summary>
/// <param name="Labels">What it was, in the order in which people read it: name and value.</param>
/// <param name="Times">Nanoseconds, one a round, process by process.</param>
/// <param name="Values">What else is known of it, by name: counts, percentiles.</param>
public sealed record LabRow(IReadOnlyList<(string Name, string Value)> Labels, double[] Times, IReadOnlyList<(string Name, double Value)> Values)
{
    /// <summary>The middle round.</summary>
    public const double UsualShare = 0.5;

    /// <summary>How many processes the rounds come from, each with as many.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>Which round stands for its process, as <see cref="Statistics.Sample"/> says.</summary>
    public double Share { get; init; } = UsualShare;

    /// <summary>The rounds as a sample.</summary>
    public Sample Sample => new(Times, Processes, Share);

    /// <summary>What is said of all rounds: the median of the processes' times.</summary>
    public double Time => field == 0 ? field = Sample.Time : field;

    /// <summary>Half of all rounds take longer.</summary>
    public double Median { get; } = Sample.Quantile(Times, 0.5);

    /// <summary>Half of the times lie between this and <see cref="High"/>.</summary>
    public double Low { get; } = Sample.Quantile(Times, 0.25);

    public double High { get; } = Sample.Quantile(Times, 0.75);

    /// <summary>One row of what several processes have measured of one thing. Counts of what was done and pauses add up; of the rest it has the median.</summary>
    public static LabRow Join(IReadOnlyList<LabRow> parts) => new(
        parts[0].Labels, [.. parts.SelectMany(part => part.Times)], [.. parts[0].Values.Select(value => (value.Name, Join(value.Name, [.. parts.Select(part => part.Value(value.Name))])))])
    {
        Processes = parts.Sum(part => part.Processes),
        Share = parts[0].Share,
    };

    private static double Join(string name, double[] values) => name switch
    {
        "gc_pause_ns" or "samples" or "operations" => values.Sum(),
        "worst_ns" => values.Max(),
        _ => Statistics.Sample.Quantile(values, 0.5),
    };

    /// <summary>The labels in one line: what a row is known by from run to run.</summary>
    public string Key => string.Join(' ', Labels.Select(label => label.Value));

    public string Label(string name) => Labels.First(label => label.Name == name).Value;

    public double Value(string name) => Values.First(value => value.Name == name).Value;
}

/// <summary>What an experiment has found.</summary>
/// <param name="Experiment">Its name.</param>
/// <param name="Facts">Where and how: machine, engines, versions, seed, counts.</param>
/// <param name="Rows">What was measured.</param>
/// <param name="Conclusions">Sentences.</param>
public sealed record LabResult(
    string Experiment, IReadOnlyList<(string Name, string Value)> Facts, IReadOnlyList<LabRow> Rows, IReadOnlyList<string> Conclusions);
