using System.Text;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Output;

/// <summary>An experiment's rows as a table for people, and as CSV for programs.</summary>
public static class LabText
{
    private static readonly string[] TimeHead = ["time", "median", "half of the rounds"], TimeFields = ["time_ns", "median_ns", "low_ns", "high_ns", "rounds"];

    /// <summary>The facts, one a line.</summary>
    public static IEnumerable<string> Facts(LabResult result)
    {
        var width = result.Facts.Max(fact => fact.Name.Length);
        return result.Facts.Select(fact => $"{fact.Name.PadRight(width)}  {fact.Value}");
    }

    /// <summary>Labels, the time with the middle half of the rounds where there are times, and what else is known. A table for each kind of row.</summary>
    public static IEnumerable<string> Table(IReadOnlyList<LabRow> rows) => Kinds(rows).SelectMany((kind, place) => (IEnumerable<string>)[.. place > 0 ? [""] : (string[])[], .. TableOf([.. kind])]);

    private static IEnumerable<string> TableOf(IReadOnlyList<LabRow> rows)
    {
        var hasTimes = rows[0].Times.Length > 0;
        string[] head = [.. rows[0].Labels.Select(label => label.Name), .. hasTimes ? TimeHead : [], .. rows[0].Values.Select(value => value.Name)];
        var lines = rows.Select(row => (string[])
        [
            .. row.Labels.Select(label => label.Value), .. hasTimes ? (string[])[Numbers.Time(row.Time), Numbers.Time(row.Median), $"{Numbers.Digits(row.Low)}..{Numbers.Digits(row.High)}"] : [],
            .. row.Values.Select(value => value.Name.EndsWith("_ns", StringComparison.Ordinal) ? Numbers.Time(value.Value) : Numbers.Each(value.Value)),
        ]).Prepend(head).ToArray();
        var labels = rows[0].Labels.Count;
        var widths = Enumerable.Range(0, head.Length).Select(column => lines.Max(line => column < line.Length ? line[column].Length : 0)).ToArray();
        return lines.Select(line => string.Join("  ", line.Select((word, column) => column < labels ? word.PadRight(widths[column]) : word.PadLeft(widths[column]))).TrimEnd());
    }

    public static string Csv(LabResult result)
    {
        var text = new StringBuilder();
        foreach (var group in Kinds(result.Rows))
        {
            var first = group.First();
            text.AppendJoin(',', first.Labels.Select(label => label.Name).Concat(first.Times.Length > 0 ? TimeFields : []).Concat(first.Values.Select(value => value.Name))).Append('\n');
            foreach (var row in group)
            {
                text.AppendJoin(',', row.Labels.Select(label => Field(label.Value))
                    .Concat((row.Times.Length > 0 ? (double[])[row.Time, row.Median, row.Low, row.High, row.Times.Length] : []).Concat(row.Values.Select(value => value.Value)).Select(value => value.ToString("0.#####", Numbers.Culture)))).Append('\n');
            }
        }
        return text.ToString();
    }

    /// <summary>A word of CSV (RFC 4180): one with a comma in it stands in quotes.</summary>
    private static string Field(string word) => word.IndexOfAny([',', '"', '\n']) < 0 ? word : $"\"{word.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>Rows that have the same columns.</summary>
    private static IEnumerable<IGrouping<string, LabRow>> Kinds(IReadOnlyList<LabRow> rows)
        => rows.GroupBy(row => string.Join(',', row.Labels.Select(label => label.Name).Concat(row.Values.Select(value => value.Name))));
}
