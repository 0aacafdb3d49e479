namespace Pv.Toolstack.Lab.Output;

/// <summary>A grid of small line charts on logarithmic scales of times. Those of a row share their scale, so that they can be compared.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Subtitle">How it is to be read.</param>
/// <param name="Rows">The charts, row by row; null leaves a place empty.</param>
public sealed record LabChart(string Title, string Subtitle, IReadOnlyList<IReadOnlyList<ChartPanel?>> Rows)
{
    /// <summary>What is shown are numbers of things and no times.</summary>
    public bool IsCount { get; init; }

    /// <summary>Every chart there is.</summary>
    public IEnumerable<ChartPanel> Panels => Rows.SelectMany(row => row).OfType<ChartPanel>();

    /// <summary>Every line's name, in the order of its first mention.</summary>
    public IReadOnlyList<ChartStyle> Legend => [.. Panels.SelectMany(panel => panel.Lines).Select(line => line.Style).Distinct()];

    /// <summary>Whether some point is marked.</summary>
    public bool HasMarks => Panels.SelectMany(panel => panel.Lines).Any(line => line.Mark != null);

    /// <summary>What a mark says.</summary>
    public const string MarkWords = "larger batches save less than a tenth more";
}

/// <summary>One chart.</summary>
/// <param name="Title">What stands above it.</param>
/// <param name="Places">What stands under it: a word for each place on the axis.</param>
/// <param name="AxisTitle">What the places are.</param>
/// <param name="Lines">The curves.</param>
public sealed record ChartPanel(string Title, IReadOnlyList<string> Places, string AxisTitle, IReadOnlyList<ChartLine> Lines)
{
    /// <summary>A remark under the title.</summary>
    public string Remark { get; init; } = "";

    /// <summary>The lowest and highest time that it shows.</summary>
    public (double Low, double High) Range => (Lines.SelectMany(line => line.Points).Min(point => point.Low), Lines.SelectMany(line => line.Points).Max(point => point.High));
}

/// <summary>A curve.</summary>
/// <param name="Style">Its name and looks.</param>
/// <param name="Points">From left to right; each names its place.</param>
public sealed record ChartLine(ChartStyle Style, IReadOnlyList<ChartPoint> Points)
{
    /// <summary>The place of a point that is to be seen, or null: where the curve stops paying.</summary>
    public int? Mark { get; init; }
}

/// <summary>A time in nanoseconds and its spread.</summary>
public readonly record struct ChartPoint(int Place, double Time, double Low, double High);

/// <summary>How a line looks.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="Color">For SVG.</param>
/// <param name="TerminalColor">The number of the same for a terminal.</param>
/// <param name="IsDashed">A line to compare with.</param>
public sealed record ChartStyle(string Name, string Color, string TerminalColor, bool IsDashed = false)
{
    private static readonly (string Color, string Terminal)[] Palette =
    [
        ("#1f77b4", "34"), ("#e6550d", "33"), ("#2ca02c", "32"), ("#9467bd", "35"), ("#17becf", "36"), ("#d62728", "31"), ("#8c564b", "94"), ("#bcbd22", "93"), ("#e377c2", "95"),
    ];

    public static readonly ChartStyle Reference = new("single", "#777777", "90", IsDashed: true);

    /// <summary>The style of a line by its place among the others.</summary>
    public static ChartStyle Of(string name, int place) => new(name, Palette[place % Palette.Length].Color, Palette[place % Palette.Length].Terminal);
}
