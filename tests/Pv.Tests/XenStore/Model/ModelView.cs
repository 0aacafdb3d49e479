namespace Pv.Tests.XenStore.Model;

/// <summary>A store as a plain dictionary of paths: what everybody sees, or a transaction's copy of it.</summary>
internal sealed class ModelView
{
    private readonly Func<int> _next;

    /// <param name="next">Gives versions and births.</param>
    public ModelView(Func<int> next)
    {
        _next = next;
        Nodes = new(StringComparer.Ordinal);
        Touched = null;
    }

    /// <summary>A transaction's copy, which notes what it touches.</summary>
    public ModelView(ModelView from)
    {
        _next = from._next;
        Nodes = new(from.Nodes, StringComparer.Ordinal);
        Touched = new(StringComparer.Ordinal);
        Begun = new(from.Nodes, StringComparer.Ordinal);
    }

    public Dictionary<string, ModelNode> Nodes { get; }

    /// <summary>Paths that a transaction looked at or changed.</summary>
    public HashSet<string>? Touched { get; }

    /// <summary>Paths that a transaction gave a record.</summary>
    public HashSet<string> Written { get; } = new(StringComparer.Ordinal);

    /// <summary>The store as the transaction began.</summary>
    public Dictionary<string, ModelNode>? Begun { get; }

    /// <summary>Who is to hear at the commit, and whether only who watches the very node.</summary>
    public Dictionary<string, bool> Told { get; } = new(StringComparer.Ordinal);

    public static string Parent(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "/";

    public ModelNode? Look(string path)
    {
        Touched?.Add(path);
        return Nodes.GetValueOrDefault(path);
    }

    /// <summary>The nearest node that stands above a path.</summary>
    public string NearestAbove(string path)
    {
        do
            path = Parent(path);
        while (Look(path) is null);
        return path;
    }

    public void Change(string path, string? value = null, IReadOnlyList<ModelPermission>? permissions = null)
    {
        var node = Nodes[path];
        Touched?.Add(path);
        Written.Add(path);
        Nodes[path] = node with { Value = value ?? node.Value, Permissions = permissions ?? node.Permissions, Version = _next() };
    }

    public void Make(string path, string value, IReadOnlyList<ModelPermission> permissions)
    {
        Touched?.Add(path);
        Written.Add(path);
        var number = _next();
        Nodes[path] = new(value, permissions, number, number);
        if (path != "/")
            Change(Parent(path));
    }

    /// <summary>The nodes below, children before parents, the node itself last.</summary>
    public List<string> Below(string path)
    {
        var all = new List<string>();
        foreach (var child in Children(path))
            all.AddRange(Below(child));
        all.Add(path);
        return all;
    }

    /// <summary>The children's paths, the oldest first.</summary>
    public IEnumerable<string> Children(string path)
        => Nodes.Where(entry => entry.Key != "/" && Parent(entry.Key) == path).OrderBy(entry => entry.Value.Birth).Select(entry => entry.Key);

    public void Remove(string path)
    {
        foreach (var gone in Below(path))
        {
            Touched?.Add(gone);
            Nodes.Remove(gone);
        }
        Change(Parent(path));
    }
}
