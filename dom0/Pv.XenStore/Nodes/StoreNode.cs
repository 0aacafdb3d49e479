using System.Text;

namespace Pv.XenStore;

/// <summary>
/// A node of the store with all below it, immutable: a change makes new nodes from here to the root and shares the rest.
/// </summary>
internal sealed class StoreNode
{
    /// <summary>The children's names, each zero-ended, in the order of their creation; made when first asked for.</summary>
    private byte[]? _listing;

    public StoreNode(byte[] value, NodePermissions permissions, long stamp)
    {
        Value = value;
        Permissions = permissions;
        Generation = stamp;
        Birth = stamp;
        Children = ChildNodes.None;
    }

    private StoreNode(StoreNode from)
    {
        Value = from.Value;
        Permissions = from.Permissions;
        Generation = from.Generation;
        Birth = from.Birth;
        Children = from.Children;
        NamesBytes = from.NamesBytes;
        _listing = from._listing;
    }

    public byte[] Value { get; private init; }

    public NodePermissions Permissions { get; private init; }

    /// <summary>
    /// Changes with the value, the permissions and the set of children, not with what happens inside a child.
    /// No two changes share a number, so a transaction compares it to know whether what it read still stands.
    /// </summary>
    public long Generation { get; private init; }

    /// <summary>When the node was made, by the same counter: the order among its siblings.</summary>
    public long Birth { get; private init; }

    public ChildNodes Children { get; private init; }

    /// <summary>Bytes of the children's names with their zeros.</summary>
    public int NamesBytes { get; private init; }

    /// <summary>What DIRECTORY answers.</summary>
    public ReadOnlySpan<byte> Listing => _listing ??= BuildListing();

    public StoreNode WithValue(byte[] value, long generation) => new(this) { Value = value, Generation = generation };

    public StoreNode WithPermissions(NodePermissions permissions, long generation) => new(this) { Permissions = permissions, Generation = generation };

    /// <summary>This node's own record as <paramref name="other"/> has it, over the children that stand here.</summary>
    public StoreNode WithRecordOf(StoreNode other)
        => new(this) { Value = other.Value, Permissions = other.Permissions, Generation = other.Generation, Birth = other.Birth };

    public StoreNode WithoutChildren() => new(this) { Children = ChildNodes.None, NamesBytes = 0, _listing = null };

    /// <summary>Puts a child in; the generation changes only where the name is new.</summary>
    public StoreNode WithChild(ReadOnlySpan<char> name, StoreNode child, long generation)
    {
        var children = Children.With(name, child, out var before);
        if (before is null)
            return new(this) { Children = children, NamesBytes = NamesBytes + name.Length + 1, Generation = generation, _listing = null };
        return new(this) { Children = children, _listing = before.Birth == child.Birth ? _listing : null };
    }

    public StoreNode WithoutChild(ReadOnlySpan<char> name, long generation)
        => new(this) { Children = Children.Without(name), NamesBytes = NamesBytes - name.Length - 1, Generation = generation, _listing = null };

    public IEnumerable<KeyValuePair<string, StoreNode>> ChildrenByBirth() => Children.All.OrderBy(child => child.Value.Birth);

    private byte[] BuildListing()
    {
        var listing = new byte[NamesBytes];
        var at = 0;
        foreach (var (name, _) in ChildrenByBirth())
            at += Encoding.Latin1.GetBytes(name, listing.AsSpan(at)) + 1;
        return listing;
    }
}
