namespace Pv.XenStore;

/// <summary>The store that everybody sees. A change is there at once, and so are its events.</summary>
internal sealed class LiveView(StoreTree tree, StoreClock clock, WatchTable watches) : IStoreView
{
    public StoreTree Tree { get; set; } = tree;

    public StoreNode? Read(string path) => Tree.Find(path);

    public void Put(string path, StoreNode node) => Tree = Tree.With(path, node, clock.Next());

    public void Restore(StoreTree tree) => Tree = tree;

    public void Remove(string path)
    {
        if (Tree.Find(path) is not { } node)
            return;
        // Children speak before their parents, and all while their permissions can still be looked at.
        foreach (var (gone, _) in StoreTree.WalkUp(path, node))
            Fire(gone, exact: gone != path, before: null);
        Tree = Tree.Without(path, clock.Next());
    }

    public void Changed(string path, NodePermissions? before) => Fire(path, exact: false, before);

    /// <summary>
    /// Tells whoever may see the node as it was or is, or, while it is, whoever may see its parent; the root alone gives nobody that right.
    /// </summary>
    /// <param name="path">Of the node.</param>
    /// <param name="exact">Watches above it are not told.</param>
    /// <param name="before">The permissions that it had.</param>
    /// <param name="seen">Where the parent is looked for: a tree, or, for null, the live one.</param>
    public void Fire(string path, bool exact, NodePermissions? before, StoreTree? seen = null)
    {
        if (watches.Matching(path, exact) is not { } matching)
            return;
        var now = Tree.Find(path)?.Permissions;
        var above = now is null ? StorePath.Root : StorePath.Parent(path);
        watches.Fire(matching, path, before, now, above.Length == 1 ? null : (seen ?? Tree).Find(above)?.Permissions);
    }
}
