using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// A snapshot with a log: what the transaction touched, in order, and which generation it found.
/// It commits when every node that it touched is live as it found it; else nothing of it happens.
/// </summary>
/// <remarks>A snapshot that keeps too much of the past is exchanged for one of the present: see <see cref="OpenTransactions"/>.</remarks>
internal sealed class StoreTransaction : IStoreView
{
    private readonly StoreClock _clock;
    private readonly Dictionary<string, Touch> _log = new(StringComparer.Ordinal);
    private readonly StoreClient? _metered;
    private StoreTree _snapshot;
    private bool _isOvertaken;
    private int _order;

    /// <param name="id">By which its client names it.</param>
    /// <param name="snapshot">The store as it begins.</param>
    /// <param name="clock">For the generations of what it changes.</param>
    /// <param name="client">Whose it is. A guest's is held to that domain's quotas.</param>
    public StoreTransaction(uint id, StoreTree snapshot, StoreClock clock, StoreClient client)
    {
        Id = id;
        Tree = snapshot;
        _snapshot = snapshot;
        _clock = clock;
        _metered = client.Domain.IsPrivileged ? null : client;
    }

    public uint Id { get; }

    /// <summary>Its place among all that are open.</summary>
    public LinkedListNode<StoreTransaction>? Place { get; set; }

    public StoreTree Tree { get; private set; }

    /// <summary>How old the snapshot is, by <see cref="StoreTree.RetiredBytes"/>.</summary>
    public long SnapshotAge => _snapshot.RetiredBytes;

    /// <summary>What a guest's copies of nodes weigh; see <see cref="StoreMemory"/>. What is removed again still counts.</summary>
    public int Bytes { get; private set; }

    /// <summary>A node more than the quota allows was to be touched. Whatever the request did is to be undone.</summary>
    public bool IsOverfull { get; private set; }

    /// <summary>What the log may grow by during a guest's request, as <see cref="Bytes"/>. Once it would be more, it does not grow, and this is negative.</summary>
    public long Room { get; set; }

    /// <summary>A request was refused for want of space; what was done of it cannot stand alone, so the whole will not commit.</summary>
    public bool Failed { get; set; }

    public StoreNode? Read(string path)
    {
        Note(path);
        return Tree.Find(path);
    }

    public void Put(string path, StoreNode node)
    {
        Note(path).Change = Change.Written;
        var before = Tree.Find(path);
        if (before is null)
            NoteChildrenOf(StorePath.Parent(path));
        if (_metered is not null)
            Bytes += Math.Max(0, StoreMemory.OfNode(path, node) - (before is null ? 0 : StoreMemory.OfNode(path, before)));
        Tree = Tree.With(path, node, _clock.Next());
    }

    public void Restore(StoreTree tree) => Tree = tree;

    /// <summary>A request was refused for want of space: its changes are taken back, and the transaction will not commit.</summary>
    /// <param name="tree">As it was before the request.</param>
    /// <param name="bytes">Likewise.</param>
    public void GiveUp(StoreTree tree, int bytes)
    {
        Tree = tree;
        Bytes = bytes;
        IsOverfull = false;
        Failed = true;
    }

    public void Remove(string path)
    {
        if (Tree.Find(path) is not { } node)
            return;
        // The node, its parent, what is below: xenstored's order.
        Note(path);
        NoteChildrenOf(StorePath.Parent(path));
        foreach (var (gone, was) in StoreTree.Walk(path, node))
        {
            var touch = Note(gone);
            touch.Tell(exact: gone != path);
            if (touch.Generation is null)
            {
                // Made in here and gone in here: nobody hears of it, unless it is made again.
                touch.Change = Change.None;
                continue;
            }
            touch.Change = Change.Removed;
            touch.Before ??= was.Permissions;
        }
        Tree = Tree.Without(path, _clock.Next());
    }

    public void Changed(string path, NodePermissions? before)
    {
        var touch = Note(path);
        touch.Tell(exact: false);
        touch.Before ??= before;
    }

    /// <summary>How many more nodes a domain owns by this transaction.</summary>
    public int GainOf(DomId domain) => Tree.OwnedBy(domain) - _snapshot.OwnedBy(domain);

    /// <summary>Makes the log's changes in the live tree, then tells the watches, in the order of the first touch.</summary>
    /// <returns><see cref="Errno.ENOMEM"/> when the domain to which it gave a node is gone, EAGAIN when somebody else changed what it touched.</returns>
    public Errno Commit(LiveView live, DomainTable domains)
    {
        foreach (var (path, touch) in _log)
        {
            if (touch.Change == Change.Written && Tree.Find(path) is { } mine && IsNewOwner(path, mine) && !domains.IsAlive(mine.Permissions.Owner))
                return Errno.ENOMEM;
        }
        if (IsOvertakenBy(live.Tree))
            return Errno.EAGAIN;
        var before = live.Tree;
        live.Tree = ReferenceEquals(before, _snapshot) ? Tree : Replay(before);
        foreach (var (path, touch) in _log.Where(entry => IsHeardOf(entry.Key, entry.Value)).OrderBy(entry => entry.Value.Order))
            live.Fire(path, touch.Exact, touch.Before, ParentAsSeen(path, touch, before, live.Tree));
        return Errno.None;
    }

    /// <summary>
    /// Stands on the store as it is now: what was changed in here is changed there, and what was not looked at yet is as others left it.
    /// A transaction that others have overtaken already will never commit, and sees the store as it is, without its own changes.
    /// </summary>
    public void Rebase(StoreTree live)
    {
        if (IsOvertakenBy(live))
        {
            _isOvertaken = true;
            _log.Clear();
            Tree = live;
        }
        else
        {
            Tree = Replay(live);
        }
        _snapshot = live;
    }

    private bool IsOvertakenBy(StoreTree live)
    {
        if (_isOvertaken || ReferenceEquals(live, _snapshot))
            return _isOvertaken;
        foreach (var (path, touch) in _log)
        {
            if (live.Find(path)?.Generation != touch.Generation)
                return true;
        }
        return false;
    }

    /// <summary>
    /// xenstored writes and tells node by node: when a node's watches are told, a parent that was touched later still has its old permissions.
    /// </summary>
    private StoreTree ParentAsSeen(string path, Touch touch, StoreTree before, StoreTree after)
    {
        var parent = StorePath.Parent(path);
        var isLater = _log.TryGetValue(parent, out var other) && other.Order > touch.Order && before.Find(parent) is not null;
        return isLater ? before : after;
    }

    /// <summary>The nodes that the log changed, as this transaction left them, over a tree where others changed other nodes.</summary>
    private StoreTree Replay(StoreTree onto)
    {
        foreach (var (path, touch) in _log)
        {
            if (touch.Change != Change.None && Tree.Find(path) is null)
                onto = onto.Without(path, _clock.Next());
        }
        // A parent's path is shorter than its children's, so parents stand before them.
        foreach (var (path, touch) in _log.OrderBy(entry => entry.Key.Length))
        {
            if (touch.Change == Change.None || Tree.Find(path) is not { } mine)
                continue;
            var record = onto.Find(path) is { } theirs ? theirs.WithRecordOf(mine) : mine.WithoutChildren();
            onto = onto.With(path, record, _clock.Next());
        }
        return onto;
    }

    /// <summary>Of what was not there before and is not there now nobody hears.</summary>
    private bool IsHeardOf(string path, Touch touch) => touch.Fires && (touch.Generation is not null || Tree.Find(path) is not null);

    private bool IsNewOwner(string path, StoreNode node) => _snapshot.Find(path)?.Permissions.Owner != node.Permissions.Owner;

    private void NoteChildrenOf(string parent)
    {
        var touch = Note(parent);
        if (touch.Change == Change.None)
            touch.Change = Change.Written;
    }

    private Touch Note(string path)
    {
        if (!_log.TryGetValue(path, out var touch))
        {
            touch = new Touch(_snapshot.Find(path)?.Generation, ++_order);
            if (_metered is null || MayTouchAnother(path))
                _log.Add(path, touch);
        }
        return touch;
    }

    private bool MayTouchAnother(string path)
    {
        if (_log.Count >= _metered!.Domain.Quotas.Limit(StoreQuota.TransactionNodes))
        {
            IsOverfull = true;
            return false;
        }
        // The C daemon does not weigh a path where nothing is; but it may be long, and the log keeps it.
        var bytes = Tree.Find(path) is { } node ? StoreMemory.OfNode(path, node) : path.Length;
        Room -= bytes;
        if (Room < 0)
            return false;
        Bytes += bytes;
        return true;
    }

    private enum Change
    {
        None,
        Written,
        Removed,
    }

    private sealed class Touch(long? generation, int order)
    {
        /// <summary>What the snapshot had, null: nothing.</summary>
        public long? Generation { get; } = generation;

        public int Order { get; } = order;

        public Change Change { get; set; }

        public bool Fires { get; private set; }

        /// <summary>Tells only watches on the very node: it went with a parent, and nothing else was done to it.</summary>
        public bool Exact { get; private set; }

        /// <summary>The permissions before they changed or went.</summary>
        public NodePermissions? Before { get; set; }

        public void Tell(bool exact)
        {
            Exact = exact && (Exact || !Fires);
            Fires = true;
        }
    }
}
