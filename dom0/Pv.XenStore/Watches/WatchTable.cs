using Pv.Abi;

namespace Pv.XenStore;

/// <summary>All watches, found by the path that they stand on.</summary>
internal sealed class WatchTable
{
    private readonly Dictionary<string, List<Watch>> _byPath = new(StringComparer.Ordinal);

    /// <summary>A list that nobody uses: what one change finds is told before the next one comes.</summary>
    private List<Watch>? _spare;

    private long _sequence;

    /// <summary>Registers a watch; see <see cref="Watch"/> for what the parameters mean.</summary>
    public Watch Add(StoreClient client, string path, string token, bool isRelative, int? depth)
    {
        var watch = new Watch(client, path, token, isRelative, depth, ++_sequence);
        if (!_byPath.TryGetValue(path, out var here))
            _byPath.Add(path, here = []);
        here.Add(watch);
        client.Watches.Add(watch);
        client.WatchBytes += StoreMemory.OfWatch(path, token);
        return watch;
    }

    public IEnumerable<StoreClient> Clients() => _byPath.Values.SelectMany(here => here).Select(watch => watch.Client).Distinct();

    public void Remove(Watch watch)
    {
        watch.Client.Watches.Remove(watch);
        watch.Client.WatchBytes -= StoreMemory.OfWatch(watch.Path, watch.Token);
        Forget(watch);
    }

    public void RemoveAll(StoreClient client)
    {
        foreach (var watch in client.Watches)
            Forget(watch);
        client.Watches.Clear();
        client.WatchBytes = 0;
    }

    /// <summary>
    /// The watches on the node, and unless <paramref name="exact"/> those on any above it, in the order of registration; null: nobody watches.
    /// Most changes interest nobody, so this comes before anybody's permissions are looked for.
    /// </summary>
    public List<Watch>? Matching(string path, bool exact)
    {
        if (_byPath.Count == 0)
            return null;
        var matching = _spare ?? [];
        _spare = null;
        var byPath = _byPath.GetAlternateLookup<ReadOnlySpan<char>>();
        if (byPath.TryGetValue(path, out var here))
            matching.AddRange(here);
        var isSorted = true;
        var above = path.AsSpan();
        for (var levels = 1; above.Length > 1 && !exact; levels++)
        {
            above = StorePath.Parent(above);
            if (!byPath.TryGetValue(above, out here))
                continue;
            isSorted &= matching.Count == 0;
            foreach (var watch in here)
            {
                if (watch.Reaches(levels))
                    matching.Add(watch);
            }
        }
        if (!isSorted)
            matching.Sort(BySequence);
        if (matching.Count > 0)
            return matching;
        _spare = matching;
        return null;
    }

    /// <summary>
    /// Tells the watches that were found whose clients may see the node: by the permissions that it has or had, or by those of its parent.
    /// Nobody uses the list any more then.
    /// </summary>
    public void Fire(List<Watch> matching, string path, NodePermissions? before, NodePermissions? now, NodePermissions? parent)
    {
        foreach (var watch in matching)
        {
            if (MayRead(watch.Client, before) || MayRead(watch.Client, now) || MayRead(watch.Client, parent))
                Tell(watch, watch.NameOf(path));
        }
        matching.Clear();
        _spare = matching;
    }

    /// <summary>
    /// Tells the watches on one of xenstored's own events, whose clients may hear of it, that it befell some domains: once, or, where they ask
    /// for the domain, of each. Who watches for the release of one domain hears of that.
    /// </summary>
    public void FireSpecial(string path, IReadOnlyCollection<DomId> domains, NodePermissions permissions)
    {
        var matching = new List<Watch>();
        if (_byPath.TryGetValue(path, out var here))
            matching.AddRange(here);
        foreach (var domain in path == StorePath.ReleaseDomain ? domains : [])
        {
            if (_byPath.TryGetValue(OfDomain(path, domain), out here))
                matching.AddRange(here);
        }
        matching.Sort(BySequence);
        foreach (var watch in matching)
        {
            if (!MayRead(watch.Client, permissions))
                continue;
            if (!watch.TellsDomain)
                Tell(watch, watch.Path);
            else
                Tell(watch, domains.Select(domain => OfDomain(path, domain)));
        }
    }

    private static string OfDomain(string path, DomId domain) => $"{path}/{domain.Value}";

    private static void Tell(Watch watch, IEnumerable<string> names)
    {
        foreach (var name in names)
            Tell(watch, name);
    }

    /// <summary>What no message can hold is not said.</summary>
    private static void Tell(Watch watch, string name)
    {
        if (name.Length + watch.Token.Length + 2 <= XenStoreLimits.PayloadBytes)
            watch.Client.SendEvent(name, watch.Token);
    }

    private static bool MayRead(StoreClient client, NodePermissions? permissions)
        => permissions is not null && (permissions.For(client.Domain) & NodeRights.Read) != 0;

    private static int BySequence(Watch left, Watch right) => left.Sequence.CompareTo(right.Sequence);

    private void Forget(Watch watch)
    {
        var here = _byPath[watch.Path];
        here.Remove(watch);
        if (here.Count == 0)
            _byPath.Remove(watch.Path);
    }
}
