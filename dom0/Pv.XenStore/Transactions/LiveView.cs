namespace Pv.XenStore;

/// <summary>The store that everybody sees. A change is there at once, and so are its events.</summary>
internal sealed class LiveView(StoreTree tree, StoreClock clock, WatchTable watches) : IStoreView
{
    public StoreTree Tree { get; set; } = tree;

    public StoreNode? Read(string path) => Tree.Find(path);

    public void Put(string path, StoreNode node) => Tree = Tree.With(path, node, clock.Next());

    public void Remove(string path)
    {
        if (Tree.Find(path) is not { } node)
            return;
        // Children speak before their parents, and all while their permissions can still be looked at.
        foreach (var (gone, _) in StoreTree.Walk(path, node).Reverse())
            Fire(gone, exact: gone != path, before: null);
        Tree = Tree.Without(path, clock.Next());
    }

    public void Changed(string path, NodePermissions? before) => Fire(path, exact: false, before);

    public void Fire(string path, bool exact, NodePermissions? before)
    {
        var now = Tree.Find(path)?.Permissions;
        // Who may read a parent hears of its children; the root alone gives nobody that right.
        var parent = StorePath.Parent(path);
        watches.Fire(path, exact, before, now, now is null || parent.Length == 1 ? null : Tree.Find(parent)?.Permissions);
    }
}
