using System.Text.RegularExpressions;
using Pv.Tests;

namespace Pv.SystemTests.XenStore;

/// <summary>Where the store beside a guest differs from real Xen's, as <c>tests/Data/xenstore/trees/differences.txt</c> has it with the reasons.</summary>
internal sealed partial class TreeDifferences
{
    private readonly List<Row> _rows;

    private TreeDifferences(List<Row> rows) => _rows = rows;

    /// <summary>The differences of one situation.</summary>
    /// <exception cref="FormatException">A line cannot be read, or has no reason.</exception>
    public static TreeDifferences Read(string situation)
    {
        var rows = new List<Row>();
        var hasReason = true;
        foreach (var line in File.ReadLines(Repository.Data("xenstore", "trees", "differences.txt")).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line.StartsWith(' '))
            {
                hasReason = true;
                continue;
            }
            var match = Line().Match(line);
            if (!match.Success)
                throw new FormatException($"No difference: {line}");
            if (match.Groups[2].Value == situation)
                rows.Add(new(line, match.Groups[1].Value, match.Groups[3].Value, match.Groups[4].Value, match.Groups[5].Value));
            hasReason = false;
        }
        return hasReason ? new(rows) : throw new FormatException("The last difference has no reason.");
    }

    /// <summary>What differs and is not known, and what is known and does not differ.</summary>
    public List<string> Compare(StoreTree there, StoreTree here)
    {
        var found = new List<string>();
        var used = new HashSet<Row>();
        foreach (var node in there.Nodes.Values)
        {
            if (!here.Nodes.TryGetValue(node.Path, out var ours))
                Note(row => row.Kind == "gone" && (node.Path == row.Path || node.Path.StartsWith(row.Path + "/", StringComparison.Ordinal)), $"is not here: {node}");
            else if (ours.Permissions != node.Permissions)
                found.Add($"has other permissions: {node}; here ({ours.Permissions})");
            else if (ours.Value != node.Value)
                Note(row => row.Path == node.Path && row.Explains(node.Value, ours.Value), $"has another value: {node}; here \"{ours.Value}\"");
            else
                used.UnionWith(_rows.Where(row => row.Kind == "shape" && row.Path == node.Path));
        }
        foreach (var node in here.Nodes.Values.Where(node => !there.Nodes.ContainsKey(node.Path)))
            Note(row => row.Kind == "more" && row.Path == node.Path && row.Permissions == node.Permissions && row.Matches(node.Value), $"is not there: {node}");
        found.AddRange(_rows.Where(row => !used.Contains(row)).Select(row => $"does not differ: {row.Text}"));
        return found;

        void Note(Func<Row, bool> explains, string difference)
        {
            if (_rows.FirstOrDefault(explains) is { } row)
                used.Add(row);
            else
                found.Add(difference);
        }
    }

    [GeneratedRegex(@"^(gone|more|value|shape) (\w+) (/\S+)(?: = ""(.*)""(?: \(([^)]*)\))?)?$")]
    private static partial Regex Line();

    private sealed record Row(string Text, string Kind, string Path, string Value, string Permissions)
    {
        public bool Explains(string there, string here) => Kind switch
        {
            "value" => here == Value,
            "shape" => Matches(there) && Matches(here),
            _ => false,
        };

        public bool Matches(string value) => Regex.IsMatch(value, $"^(?:{Value})$");
    }
}
