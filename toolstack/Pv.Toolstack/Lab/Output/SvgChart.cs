using System.Xml.Linq;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Output;

/// <summary>Draws a chart as SVG: no script, no font but the viewer's own.</summary>
public static class SvgChart
{
    private const int PanelWidth = 330, PanelHeight = 190, Left = 62, Top = 92, Right = 16, GapX = 62, GapY = 74, Bottom = 56;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <param name="chart">What is drawn.</param>
    /// <param name="footer">Where it was measured.</param>
    public static string Draw(LabChart chart, string footer)
    {
        var columns = chart.Rows.Max(row => row.Count);
        var width = Left + (columns * PanelWidth) + ((columns - 1) * GapX) + Right;
        var (legend, legendHeight) = Legend(chart, width);
        var top = Top + legendHeight;
        var height = top + (chart.Rows.Count * (PanelHeight + GapY)) + Bottom - 30;
        var root = new XElement(Svg + "svg",
            new XAttribute("viewBox", $"0 0 {width} {height}"), new XAttribute("width", width), new XAttribute("height", height),
            new XAttribute("font-family", "sans-serif"), new XAttribute("font-size", 11), new XAttribute("fill", "#222"),
            new XElement(Svg + "title", chart.Title),
            new XElement(Svg + "rect", new XAttribute("width", width), new XAttribute("height", height), new XAttribute("fill", "white")),
            Text(14, 24, chart.Title, size: 17, weight: "bold"),
            Text(14, 43, chart.Subtitle, size: 11.5, color: "#555"),
            legend);
        for (var row = 0; row < chart.Rows.Count; row++)
        {
            var scale = Scale(chart, chart.Rows[row]);
            for (var column = 0; column < chart.Rows[row].Count; column++)
                root.Add(chart.Rows[row][column] is not { } panel ? null : Panel(panel, scale, chart.IsCount, Left + (column * (PanelWidth + GapX)), top + (row * (PanelHeight + GapY))));
        }
        root.Add(Text(14, height - 12, footer, size: 10, color: "#777"));
        return new XDocument(root).ToString() + "\n";
    }

    internal static LogScale Scale(LabChart chart, IReadOnlyList<ChartPanel?> row)
        => new(row.OfType<ChartPanel>().Min(panel => panel.Range.Low), row.OfType<ChartPanel>().Max(panel => panel.Range.High), chart.IsCount);

    /// <summary>In as many lines as it takes; how much higher that is than one.</summary>
    private static (XElement Legend, int Height) Legend(LabChart chart, int width)
    {
        const int lineHeight = 18, first = 60;
        var group = new XElement(Svg + "g");
        var (x, y) = (14.0, first);
        foreach (var style in chart.Legend)
        {
            var room = 52 + (7 * style.Name.Length);
            if (x > 14 && x + room > width)
                (x, y) = (14, y + lineHeight);
            group.Add(Line(x, y, x + 26, y, style), Text(x + 32, y + 4, style.Name, size: 12));
            x += room;
        }
        if (chart.HasMarks)
            group.Add(Dot(x + 8, y, "#222", hollow: true), Text(x + 20, y + 4, LabChart.MarkWords, size: 12));
        return (group, y - first);
    }

    private static XElement Panel(ChartPanel panel, LogScale scale, bool isCount, int left, int top)
    {
        var group = new XElement(Svg + "g",
            Text(left, top - 8, panel.Title, size: 13, weight: "bold"),
            new XElement(Svg + "rect", Position("x", left), Position("y", top), Position("width", PanelWidth), Position("height", PanelHeight),
                new XAttribute("fill", "#fafafa"), new XAttribute("stroke", "#ccc")));
        foreach (var (place, word, isPower) in scale.Ticks())
        {
            var y = Y(place);
            group.Add(Rule(left, y, left + PanelWidth, y, isPower ? "#d8d8d8" : "#ececec"), Text(left - 5, y + 4, word, anchor: "end", size: 10, color: "#555"));
        }
        for (var i = 0; i < panel.Places.Count; i++)
            group.Add(Text(X(i), top + PanelHeight + 14, panel.Places[i], anchor: "middle", size: 10, color: "#555"));
        group.Add(Text(left + (PanelWidth / 2.0), top + PanelHeight + 28, panel.AxisTitle, anchor: "middle", size: 10, color: "#555"));
        foreach (var line in panel.Lines)
            group.Add(Spread(line), Curve(line), Marks(line));
        if (panel.Remark.Length > 0)
            group.Add(Text(left + PanelWidth, top - 8, panel.Remark, anchor: "end", size: 11, color: "#444"));
        return group;

        double X(int place) => left + 18 + ((PanelWidth - 36.0) * place / Math.Max(1, panel.Places.Count - 1));

        double Y(double share) => top + PanelHeight - (share * PanelHeight);

        double At(double time) => Y(scale.Place(time));

        XElement? Spread(ChartLine line) => line.Points.Count < 2 ? null : new XElement(Svg + "polygon",
            new XAttribute("points", Points(line.Points.Select(point => (X(point.Place), At(point.Low))).Concat(line.Points.Reverse().Select(point => (X(point.Place), At(point.High)))))),
            new XAttribute("fill", line.Style.Color), new XAttribute("fill-opacity", "0.18"));

        XElement Curve(ChartLine line) => new(Svg + "polyline",
            new XAttribute("points", Points(line.Points.Select(point => (X(point.Place), At(point.Time))))),
            new XAttribute("fill", "none"), new XAttribute("stroke", line.Style.Color), new XAttribute("stroke-width", 2), Dashes(line.Style));

        IEnumerable<XElement> Marks(ChartLine line)
        {
            foreach (var point in line.Points)
            {
                var isKnee = line.Mark == point.Place;
                if (!isKnee && line.Style.IsDashed)
                    continue;
                var dot = Dot(X(point.Place), At(point.Time), line.Style.Color, isKnee);
                dot.Add(new XElement(Svg + "title", $"{line.Style.Name}, {panel.Places[point.Place]}: {(isCount ? Numbers.Each(point.Time) : Numbers.Time(point.Time))}"));
                yield return dot;
            }
        }
    }

    private static string Points(IEnumerable<(double X, double Y)> points)
        => string.Join(' ', points.Select(point => string.Create(Numbers.Culture, $"{point.X:f1},{point.Y:f1}")));

    private static XAttribute? Dashes(ChartStyle style) => style.IsDashed ? new XAttribute("stroke-dasharray", "6 4") : null;

    private static XElement Line(double x1, double y1, double x2, double y2, ChartStyle style)
        => new(Rule(x1, y1, x2, y2, style.Color).Name, Rule(x1, y1, x2, y2, style.Color).Attributes(), new XAttribute("stroke-width", 2), Dashes(style));

    private static XElement Rule(double x1, double y1, double x2, double y2, string color)
        => new(Svg + "line", Position("x1", x1), Position("y1", y1), Position("x2", x2), Position("y2", y2), new XAttribute("stroke", color));

    private static XElement Dot(double x, double y, string color, bool hollow)
        => new(Svg + "circle", Position("cx", x), Position("cy", y), Position("r", hollow ? 5.5 : 2.5),
            new XAttribute("fill", hollow ? "white" : color), new XAttribute("stroke", color), new XAttribute("stroke-width", hollow ? 2 : 1));

    private static XElement Text(double x, double y, string words, string anchor = "start", double size = 11, string weight = "normal", string color = "#222")
        => new(Svg + "text", Position("x", x), Position("y", y), new XAttribute("text-anchor", anchor), Position("font-size", size), new XAttribute("font-weight", weight),
            new XAttribute("fill", color), words);

    private static XAttribute Position(string name, double value) => new(name, value.ToString("0.##", Numbers.Culture));
}
