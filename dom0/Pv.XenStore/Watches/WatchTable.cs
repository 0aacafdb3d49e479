using Pv.Abi;

namespace Pv.XenStore;

/// <summary>All watches, found by the path that they stand on.</summary>
internal sealed class WatchTable
{
    private readonly Dictionary<string, List<Watch>> _byPath = new(StringComparer.Ordinal);
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
    /// Tells every watch on the node, and unless <paramref name="exact"/> on any above it, whose client may see the node:
    /// by the permissions that it has or had, or by those of its parent.
    /// </summary>
    public void Fire(string path, bool exact, NodePermissions? before, NodePermissions? now, NodePermissions? parent)
    {
        foreach (var watch in Matching(path, exact))
        {
            if (MayRead(watch.Client, before) || MayRead(watch.Client, now) || MayRead(watch.Client, parent))
                Tell(watch, watch.NameOf(path));
        }
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

    /// <summary>In the order of registration.</summary>
    private List<Watch> Matching(string path, bool exact)
    {
        var matching = new List<Watch>();
        if (_byPath.TryGetValue(path, out var here))
            matching.AddRange(here);
        if (exact || path.Length == 1)
            return matching;
        var above = path;
        for (var levels = 1; above.Length > 1; levels++)
        {
            above = StorePath.Parent(above);
            if (!_byPath.TryGetValue(above, out here))
                continue;
            foreach (var watch in here)
            {
                if (watch.Reaches(levels))
                    matching.Add(watch);
            }
        }
        matching.Sort(BySequence);
        return matching;
    }

    private static int BySequence(Watch left, Watch right) => left.Sequence.CompareTo(right.Sequence);

    private void Forget(Watch watch)
    {
        var here = _byPath[watch.Path];
        here.Remove(watch);
        if (here.Count == 0)
            _byPath.Remove(watch.Path);
    }
}
