using System.Collections.Immutable;

namespace Pv.XenStore;

/// <summary>
/// The children of a node by their names, immutable. Few stand in arrays, where a name is found without a copy or a hash of it and a change copies
/// one array; many in a tree.
/// </summary>
internal sealed class ChildNodes
{
    public static readonly ChildNodes None = new([], []);

    /// <summary>More are kept in a tree.</summary>
    private const int MostInArrays = 24;

    private readonly string[] _names;
    private readonly StoreNode[] _nodes;
    private readonly ImmutableDictionary<string, StoreNode>? _tree;

    private ChildNodes(string[] names, StoreNode[] nodes) => (_names, _nodes) = (names, nodes);

    private ChildNodes(ImmutableDictionary<string, StoreNode> tree) : this([], []) => _tree = tree;

    public int Count => _tree?.Count ?? _names.Length;

    /// <summary>In no particular order.</summary>
    public IEnumerable<KeyValuePair<string, StoreNode>> All
        => _tree ?? _names.Select((name, i) => KeyValuePair.Create(name, _nodes[i]));

    public StoreNode? Find(ReadOnlySpan<char> name)
    {
        if (_tree is not null)
            return _tree.GetValueOrDefault(name.ToString());
        var at = IndexOf(name);
        return at < 0 ? null : _nodes[at];
    }

    /// <summary>Puts a child in; <paramref name="before"/> is what stood there.</summary>
    public ChildNodes With(ReadOnlySpan<char> name, StoreNode node, out StoreNode? before)
    {
        if (_tree is not null)
        {
            var key = name.ToString();
            before = _tree.GetValueOrDefault(key);
            return new(_tree.SetItem(key, node));
        }
        var at = IndexOf(name);
        if (at >= 0)
        {
            before = _nodes[at];
            var nodes = _nodes.AsSpan().ToArray();
            nodes[at] = node;
            return new(_names, nodes);
        }
        before = null;
        return _names.Length < MostInArrays
            ? new([.. _names, name.ToString()], [.. _nodes, node])
            : new(ImmutableDictionary.CreateRange(StringComparer.Ordinal, All).Add(name.ToString(), node));
    }

    /// <summary>Takes a child out that is there.</summary>
    public ChildNodes Without(ReadOnlySpan<char> name)
    {
        if (_tree is not null)
            return _tree.Count == 1 ? None : new(_tree.Remove(name.ToString()));
        var at = IndexOf(name);
        return new([.. _names[..at], .. _names[(at + 1)..]], [.. _nodes[..at], .. _nodes[(at + 1)..]]);
    }

    private int IndexOf(ReadOnlySpan<char> name)
    {
        for (var i = 0; i < _names.Length; i++)
        {
            if (name.SequenceEqual(_names[i]))
                return i;
        }
        return -1;
    }
}
