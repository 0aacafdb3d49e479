using System.Collections.Immutable;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// A whole store at one moment, immutable, with the count and the weight of the nodes that each domain owns.
/// Keeping one is a snapshot; comparing two by reference says whether anything changed.
/// </summary>
internal sealed class StoreTree
{
    /// <summary>What a change replaces beside the node itself, in bytes: the nodes above it, as records without their values.</summary>
    private const int BytesOfChange = 1024;

    private readonly ImmutableDictionary<DomId, Owned> _owned;

    private StoreTree(StoreNode root, ImmutableDictionary<DomId, Owned> owned, long retiredBytes)
    {
        Root = root;
        _owned = owned;
        RetiredBytes = retiredBytes;
    }

    public StoreNode Root { get; }

    /// <summary>What all changes from the first tree to this one replaced. Keeping an older tree of the same line costs the difference at most, about.</summary>
    public long RetiredBytes { get; }

    public static StoreTree WithRoot(StoreNode root)
        => new(root, Count(ImmutableDictionary<DomId, Owned>.Empty, StorePath.Root, root, 1), 0);

    public int OwnedBy(DomId domain) => _owned.GetValueOrDefault(domain).Nodes;

    /// <summary>What a guest's nodes weigh; see <see cref="StoreMemory"/>. Dom0's are not weighed: nothing limits them.</summary>
    public long MemoryOf(DomId domain) => _owned.GetValueOrDefault(domain).Bytes;

    /// <summary>The node at a valid path, or null.</summary>
    public StoreNode? Find(string path)
    {
        var node = Root;
        var at = 1;
        while (at < path.Length)
        {
            if (node.Children.Find(NextName(path, ref at)) is not { } child)
                return null;
            node = child;
        }
        return node;
    }

    /// <summary>Puts a node where one stands, or below a parent that stands.</summary>
    public StoreTree With(string path, StoreNode node, long generation)
    {
        StoreNode? replaced = null;
        var root = Put(Root, path, 1, node, generation, ref replaced);
        if (replaced is null)
            return new(root, CountParent(Count(_owned, path, node, 1), path, 1), RetiredBytes + BytesOfChange);
        var isSameToDom0 = node.Permissions.Owner.Domain == DomId.Dom0 && replaced.Permissions.Owner.Domain == DomId.Dom0;
        var owned = isSameToDom0 ? _owned : Count(Count(_owned, path, replaced, -1), path, node, 1);
        return new(root, owned, RetiredBytes + BytesOfChange + replaced.Value.Length);
    }

    /// <summary>Takes a node out with all below it. The root stays.</summary>
    public StoreTree Without(string path, long generation)
    {
        var gone = Find(path);
        if (gone is null || path.Length == 1)
            return this;
        var owned = CountParent(_owned, path, -1);
        var retired = RetiredBytes + BytesOfChange;
        foreach (var (at, node) in Walk(path, gone))
        {
            owned = Count(owned, at, node, -1);
            retired += StoreMemory.OfNode(at, node);
        }
        return new(Drop(Root, path, 1, generation), owned, retired);
    }

    /// <summary>A node and all below it, parents before their children, siblings by age.</summary>
    public static IEnumerable<(string Path, StoreNode Node)> Walk(string path, StoreNode node)
    {
        var pending = new Stack<(string Path, StoreNode Node)>();
        pending.Push((path, node));
        while (pending.TryPop(out var next))
        {
            yield return next;
            foreach (var (name, child) in next.Node.ChildrenByBirth().Reverse())
                pending.Push((StorePath.Join(next.Path, name), child));
        }
    }

    /// <summary>A node and all below it, children before their parents, siblings by age.</summary>
    public static IEnumerable<(string Path, StoreNode Node)> WalkUp(string path, StoreNode node)
    {
        // Parents first with the youngest sibling first is the same order from behind.
        var parentsFirst = new List<(string, StoreNode)>();
        var pending = new Stack<(string Path, StoreNode Node)>();
        pending.Push((path, node));
        while (pending.TryPop(out var next))
        {
            parentsFirst.Add(next);
            foreach (var (name, child) in next.Node.ChildrenByBirth())
                pending.Push((StorePath.Join(next.Path, name), child));
        }
        return Enumerable.Reverse(parentsFirst);
    }

    private static StoreNode Put(StoreNode parent, string path, int at, StoreNode node, long generation, ref StoreNode? replaced)
    {
        if (at >= path.Length)
        {
            replaced = parent;
            return node;
        }
        var name = NextName(path, ref at);
        if (parent.Children.Find(name) is { } child)
            return parent.WithChild(name, Put(child, path, at, node, generation, ref replaced), generation);
        if (at < path.Length)
            throw new InvalidOperationException($"'{path}' has no parent to stand below.");
        return parent.WithChild(name, node, generation);
    }

    private static StoreNode Drop(StoreNode parent, string path, int at, long generation)
    {
        var name = NextName(path, ref at);
        return at >= path.Length
            ? parent.WithoutChild(name, generation)
            : parent.WithChild(name, Drop(parent.Children.Find(name)!, path, at, generation), generation);
    }

    /// <summary>Adds a node to what its owner has, or with -1 takes it off.</summary>
    private static ImmutableDictionary<DomId, Owned> Count(ImmutableDictionary<DomId, Owned> owned, string path, StoreNode node, int sign)
    {
        var owner = node.Permissions.Owner.Domain;
        return Count(owned, owner, sign, owner == DomId.Dom0 ? 0 : sign * StoreMemory.OfNode(path, node));
    }

    /// <summary>A name more or less in the parent's record.</summary>
    private ImmutableDictionary<DomId, Owned> CountParent(ImmutableDictionary<DomId, Owned> owned, string path, int sign)
    {
        var above = StorePath.Parent(path);
        var owner = Find(above)!.Permissions.Owner.Domain;
        return owner == DomId.Dom0 ? owned : Count(owned, owner, 0, sign * (path.Length - above.Length + (above.Length == 1 ? 1 : 0)));
    }

    private static ImmutableDictionary<DomId, Owned> Count(ImmutableDictionary<DomId, Owned> owned, DomId domain, int nodes, int bytes)
    {
        var before = owned.GetValueOrDefault(domain);
        var now = new Owned(before.Nodes + nodes, before.Bytes + bytes);
        return now == default ? owned.Remove(domain) : owned.SetItem(domain, now);
    }

    /// <summary>The name that begins at <paramref name="at"/>, which moves behind the slash that ends it.</summary>
    private static ReadOnlySpan<char> NextName(string path, ref int at)
    {
        var rest = path.AsSpan(at);
        var slash = rest.IndexOf('/');
        var name = slash < 0 ? rest : rest[..slash];
        at += name.Length + 1;
        return name;
    }

    private readonly record struct Owned(int Nodes, long Bytes);
}
