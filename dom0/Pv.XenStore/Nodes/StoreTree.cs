using System.Collections.Immutable;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// A whole store at one moment, immutable, with the count of the nodes that each domain owns.
/// Keeping one is a snapshot; comparing two by reference says whether anything changed.
/// </summary>
internal sealed class StoreTree
{
    private readonly ImmutableDictionary<DomId, int> _owned;

    private StoreTree(StoreNode root, ImmutableDictionary<DomId, int> owned)
    {
        Root = root;
        _owned = owned;
    }

    public StoreNode Root { get; }

    public static StoreTree WithRoot(StoreNode root)
        => new(root, ImmutableDictionary<DomId, int>.Empty.Add(root.Permissions.Owner.Domain, 1));

    public int OwnedBy(DomId domain) => _owned.GetValueOrDefault(domain);

    /// <summary>The node at a valid path, or null.</summary>
    public StoreNode? Find(string path)
    {
        var node = Root;
        var at = 1;
        while (at < path.Length)
        {
            if (!node.Children.TryGetValue(NextName(path, ref at), out node))
                return null;
        }
        return node;
    }

    /// <summary>Puts a node where one stands, or below a parent that stands.</summary>
    public StoreTree With(string path, StoreNode node, long generation)
    {
        StoreNode? replaced = null;
        var root = Put(Root, path, 1, node, generation, ref replaced);
        var owned = _owned;
        if (replaced?.Permissions.Owner.Domain != node.Permissions.Owner.Domain)
        {
            owned = Count(owned, node.Permissions.Owner.Domain, 1);
            if (replaced is not null)
                owned = Count(owned, replaced.Permissions.Owner.Domain, -1);
        }
        return new(root, owned);
    }

    /// <summary>Takes a node out with all below it. The root stays.</summary>
    public StoreTree Without(string path, long generation)
    {
        var gone = Find(path);
        if (gone is null || path.Length == 1)
            return this;
        var owned = _owned;
        foreach (var (_, node) in Walk(path, gone))
            owned = Count(owned, node.Permissions.Owner.Domain, -1);
        return new(Drop(Root, path, 1, generation), owned);
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
        if (parent.Children.TryGetValue(name, out var child))
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
            : parent.WithChild(name, Drop(parent.Children[name], path, at, generation), generation);
    }

    private static ImmutableDictionary<DomId, int> Count(ImmutableDictionary<DomId, int> owned, DomId domain, int change)
    {
        var count = owned.GetValueOrDefault(domain) + change;
        return count == 0 ? owned.Remove(domain) : owned.SetItem(domain, count);
    }

    /// <summary>The name that begins at <paramref name="at"/>, which moves behind the slash that ends it.</summary>
    private static string NextName(string path, ref int at)
    {
        var slash = path.IndexOf('/', at);
        var end = slash < 0 ? path.Length : slash;
        var name = path[at..end];
        at = end + 1;
        return name;
    }
}
