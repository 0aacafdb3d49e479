using System.Text.RegularExpressions;

namespace Pv.SystemTests.XenStore;

/// <summary>The store as <c>xenstore-ls -f -p</c> shows it: each path with its value and permissions, a domain's number and UUID replaced.</summary>
internal sealed partial class StoreTree
{
    private StoreTree(IEnumerable<StoreTreeNode> nodes) => Nodes = nodes.ToDictionary(node => node.Path, StringComparer.Ordinal);

    public IReadOnlyDictionary<string, StoreTreeNode> Nodes { get; }

    /// <summary>Reads what was recorded or printed.</summary>
    public static StoreTree Parse(string text) => new(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(StoreTreeNode.Parse));

    /// <summary>Puts N for a domain's number and UUID for its UUID.</summary>
    public StoreTree Without(int domain, string uuid)
    {
        var ends = new Regex($@"(?<=^|/local/domain/|/backend/\w+/|/libxl/){domain}(?=/|$)");
        return new(Nodes.Values.Select(node => new StoreTreeNode(
            ends.Replace(node.Path, "N").Replace(uuid, "UUID", StringComparison.Ordinal),
            node.Path.EndsWith("/domid", StringComparison.Ordinal) || node.Path.EndsWith("/frontend-id", StringComparison.Ordinal) || node.Value.StartsWith('/')
                ? ends.Replace(node.Value, "N").Replace(uuid, "UUID", StringComparison.Ordinal)
                : node.Value.Replace(uuid, "UUID", StringComparison.Ordinal),
            Regex.Replace(node.Permissions, $@"(?<=[nrwb]){domain}(?=,|$)", "N"))));
    }
}

/// <summary>A line of it.</summary>
internal sealed partial record StoreTreeNode(string Path, string Value, string Permissions)
{
    public static StoreTreeNode Parse(string line)
    {
        var match = Line().Match(line);
        return match.Success
            ? new(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value)
            : throw new FormatException($"No line of xenstore-ls -f -p: {line}");
    }

    public override string ToString() => $"{Path} = \"{Value}\" ({Permissions})";

    [GeneratedRegex(@"^(\S+) = ""(.*)"" [ .]*\(([^)]*)\)$")]
    private static partial Regex Line();
}
