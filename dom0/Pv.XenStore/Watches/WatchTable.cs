namespace Pv.XenStore;

/// <summary>All watches, found by the path that they stand on.</summary>
internal sealed class WatchTable
{
    private readonly Dictionary<string, List<Watch>> _byPath = new(StringComparer.Ordinal);
    private long _sequence;

    public Watch Add(StoreClient client, string path, string token, bool isRelative)
    {
        var watch = new Watch(client, path, token, isRelative, ++_sequence);
        if (!_byPath.TryGetValue(path, out var here))
            _byPath.Add(path, here = []);
        here.Add(watch);
        client.Watches.Add(watch);
        return watch;
    }

    public IEnumerable<StoreClient> Clients() => _byPath.Values.SelectMany(here => here).Select(watch => watch.Client).Distinct();

    public void Remove(Watch watch)
    {
        watch.Client.Watches.Remove(watch);
        Forget(watch);
    }

    public void RemoveAll(StoreClient client)
    {
        foreach (var watch in client.Watches)
            Forget(watch);
        client.Watches.Clear();
    }

    /// <summary>
    /// Tells every watch on the node, and unless <paramref name="exact"/> on any above it, whose client may see the node:
    /// by the permissions that it has or had, or by those of its parent.
    /// </summary>
    public void Fire(string path, bool exact, NodePermissions? before, NodePermissions? now, NodePermissions? parent)
    {
        foreach (var watch in Matching(path, exact))
        {
            if (MayRead(watch.Client, before) || MayRead(watch.Client, now) || MayRead(watch.Client, parent))
                watch.Client.SendEvent(watch.NameOf(path), watch.Token);
        }
    }

    /// <summary>Tells the watches on one of xenstored's own events.</summary>
    public void FireSpecial(string path, NodePermissions permissions) => Fire(path, exact: true, null, permissions, null);

    private static bool MayRead(StoreClient client, NodePermissions? permissions)
        => permissions is not null && (permissions.For(client.Domain) & NodeRights.Read) != 0;

    /// <summary>In the order of registration.</summary>
    private List<Watch> Matching(string path, bool exact)
    {
        var matching = new List<Watch>();
        if (_byPath.TryGetValue(path, out var here))
            matching.AddRange(here);
        if (exact || path.Length == 1)
            return matching;
        var above = path;
        do
        {
            above = StorePath.Parent(above);
            if (_byPath.TryGetValue(above, out here))
                matching.AddRange(here);
        }
        while (above.Length > 1);
        matching.Sort(static (left, right) => left.Sequence.CompareTo(right.Sequence));
        return matching;
    }

    private void Forget(Watch watch)
    {
        var here = _byPath[watch.Path];
        here.Remove(watch);
        if (here.Count == 0)
            _byPath.Remove(watch.Path);
    }
}
