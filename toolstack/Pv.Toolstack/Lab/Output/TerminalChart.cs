using System.Text;

namespace Pv.Toolstack.Lab.Output;

/// <summary>Draws a chart with characters: each is two dots wide and four high.</summary>
public sealed class TerminalChart(LabOutput output)
{
    private const int Height = 8, LabelWidth = 8, Gap = 2, LeastWidth = 24, MostWidth = 48;

    // The bits of a Braille character, by column and row of the dot.
    private static readonly int[,] Dots = { { 0x01, 0x02, 0x04, 0x40 }, { 0x08, 0x10, 0x20, 0x80 } };

    public void Draw(LabChart chart)
    {
        output.Print(chart.Title);
        PrintLegend(chart);
        foreach (var row in chart.Rows)
        {
            ChartPanel[] panels = [.. row.OfType<ChartPanel>()];
            var width = Math.Clamp(((output.Columns - LabelWidth) / panels.Length) - Gap, LeastWidth, MostWidth);
            // Those that do not fit beside each other come below each other.
            var beside = Math.Max(1, (output.Columns - LabelWidth) / (width + Gap));
            foreach (var part in panels.Chunk(beside))
                Draw(part, SvgChart.Scale(chart, row), width);
        }
    }

    private void PrintLegend(LabChart chart)
    {
        var entries = chart.Legend.Select(style => (Words: $"{(style.IsDashed ? "╌╌" : "──")} {style.Name}", style.TerminalColor)).ToList();
        if (chart.HasMarks)
            entries.Add(($"○ {LabChart.MarkWords}", "0"));
        var (line, width) = ("", 0);
        foreach (var (words, color) in entries)
        {
            if (width > 0 && width + words.Length > output.Columns)
            {
                output.Print(line);
                (line, width) = ("", 0);
            }
            line += (width > 0 ? "   " : "") + output.Paint(words, color);
            width += words.Length + 3;
        }
        output.Print(line);
    }

    private void Draw(IReadOnlyList<ChartPanel> panels, LogScale scale, int width)
    {
        output.Print("");
        // A remark stands beside its title where there is room for all of them, else below.
        string[] heads = [.. panels.Select(panel => panel.Remark.Length > 0 ? $"{panel.Title}: {panel.Remark}" : panel.Title)];
        if (heads.All(head => head.Length <= width))
            PrintBeside(heads, width);
        else
        {
            PrintBeside(panels.Select(panel => panel.Title), width);
            PrintBeside(panels.Select(panel => panel.Remark), width);
        }
        var labels = new string[Height];
        foreach (var (place, word, _) in scale.Ticks())
            labels[Math.Clamp((int)((1 - place) * Height), 0, Height - 1)] ??= word;
        var pictures = panels.Select(panel => Picture(panel, scale, width)).ToArray();
        for (var line = 0; line < Height; line++)
            output.Print((labels[line] ?? "").PadLeft(LabelWidth - 2) + " │" + string.Join(new string(' ', Gap - 1) + "│", pictures.Select(picture => picture[line])));
        PrintBeside(panels.Select(panel => Axis(panel, width)), width);
    }

    private void PrintBeside(IEnumerable<string> texts, int width)
        => output.Print(new string(' ', LabelWidth) + string.Concat(texts.Select(text => (text.Length > width ? text[..width] : text).PadRight(width + Gap))).TrimEnd());

    private string[] Picture(ChartPanel panel, LogScale scale, int width)
    {
        var cells = new (int Bits, string? Color, bool IsMark)[Height, width];
        foreach (var line in panel.Lines)
        {
            for (var i = 0; i < line.Points.Count; i++)
            {
                var (x, y) = Place(line.Points[i]);
                if (i > 0)
                    Join(Place(line.Points[i - 1]), (x, y), line.Style);
                Dot(x, y, line.Style, line.Mark == line.Points[i].Place);
            }
        }
        return [.. Enumerable.Range(0, Height).Select(Row)];

        (int X, int Y) Place(ChartPoint point)
            => ((int)((((width * 2) - 1.0) * point.Place) / Math.Max(1, panel.Places.Count - 1)), (int)((1 - scale.Place(point.Time)) * ((Height * 4) - 1)));

        void Join((int X, int Y) from, (int X, int Y) to, ChartStyle style)
        {
            for (var x = from.X; x < to.X; x++)
            {
                if (!style.IsDashed || x % 4 < 2)
                    Dot(x, from.Y + ((to.Y - from.Y) * (x - from.X) / (to.X - from.X)), style, false);
            }
        }

        void Dot(int x, int y, ChartStyle style, bool isMark)
        {
            ref var cell = ref cells[Math.Clamp(y / 4, 0, Height - 1), Math.Clamp(x / 2, 0, width - 1)];
            cell.Bits |= Dots[x & 1, y & 3];
            cell.Color = style.TerminalColor;
            cell.IsMark |= isMark;
        }

        string Row(int row)
        {
            var text = new StringBuilder();
            for (var x = 0; x < width; x++)
            {
                var (bits, color, isMark) = cells[row, x];
                text.Append(bits == 0 ? " " : output.Paint(isMark ? "○" : ((char)(0x2800 + bits)).ToString(), color));
            }
            return text.ToString();
        }
    }

    /// <summary>The words under the places, those that there is room for.</summary>
    private static string Axis(ChartPanel panel, int width)
    {
        var line = new char[width];
        Array.Fill(line, ' ');
        var free = 0;
        for (var i = 0; i < panel.Places.Count; i++)
        {
            var word = panel.Places[i];
            var at = Math.Clamp((int)((width - 1.0) * i / Math.Max(1, panel.Places.Count - 1)) - (word.Length / 2), 0, Math.Max(0, width - word.Length));
            if (at < free || at + word.Length > width)
                continue;
            word.CopyTo(line.AsSpan(at));
            free = at + word.Length + 1;
        }
        return new string(line);
    }
}
