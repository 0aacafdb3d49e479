using System.Globalization;

namespace Pv.Tests.XenStore.Model;

/// <summary>What must come of one request.</summary>
/// <param name="Line">The request as a transcript has it.</param>
/// <param name="Reply">The reply, as a transcript has it.</param>
/// <param name="Events">Who is told what, in order.</param>
/// <param name="IsCommit">The events come from a transaction: their order, and which of them a guest may see, is not the model's to say.</param>
internal sealed record ModelOutcome(string Line, string Reply, List<(string Who, string Event)> Events, bool IsCommit);

/// <summary>
/// xenstored as simple as it can be said: dictionaries of paths that transactions copy, requests that they remember and do again when they commit.
/// </summary>
internal sealed class ModelStore
{
    private const string Malformed = "EINVAL", Absent = "ENOENT", Denied = "EACCES";

    private readonly Dictionary<int, int> _incarnations = new() { [0] = 1 };
    private readonly Dictionary<int, int> _targets = [];
    private readonly HashSet<int> _introduced = [0];
    private readonly Dictionary<string, ModelClient> _clients = [];
    private readonly Dictionary<string, IReadOnlyList<ModelPermission>> _special;
    private readonly ModelView _live;
    private List<(string, string)> _events = [];
    private int _last = 1;

    public ModelStore()
    {
        _live = new(() => ++_last);
        ModelPermission[] dom0 = [new('n', 0, 1)];
        _special = new() { ["@introduceDomain"] = dom0, ["@releaseDomain"] = dom0 };
        foreach (var path in new[] { "/", "/tool", "/tool/xenstored" })
            _live.Make(path, "", dom0);
        foreach (var name in new[] { "d0", "d0b" })
            _clients[name] = new(name);
    }

    public IReadOnlyDictionary<string, ModelNode> Nodes => _live.Nodes;

    /// <summary>Does a step where it can be done; else nothing comes of it.</summary>
    public ModelOutcome? Do(ModelStep step)
    {
        var name = ModelStep.Clients[step.Who];
        if (step.Verb == ModelVerb.Introduce)
            return Introduce(int.Parse(name.AsSpan(1, 1), CultureInfo.InvariantCulture));
        if (!_clients.TryGetValue(name, out var client))
            return null;
        _events = [];
        var path = ModelStep.Paths[step.Path];
        var value = ModelStep.Values[step.Extra % ModelStep.Values.Length];
        var permissions = ModelStep.Permissions[step.Extra].Split(' ');
        var token = $"t{step.Extra % 2}";
        var domain = 1 + (step.Extra % 3);
        var (id, view) = step.Transaction < 3 || client.Transactions.Count == 0 ? (0u, _live) : Pick(client, step.Transaction);
        return step.Verb switch
        {
            ModelVerb.Write => Change("WRITE", $"{path}\0{value}", view => Write(client, view, path, value)),
            ModelVerb.MakeDirectory => Change("MKDIR", $"{path}\0", view => MakeDirectory(client, view, path)),
            ModelVerb.Remove => Change("RM", $"{path}\0", view => Remove(client, view, path)),
            ModelVerb.SetPermissions => Change("SET_PERMS", $"{path}\0{string.Concat(permissions.Select(entry => entry + "\0"))}", view => SetPermissions(client, view, path, permissions)),
            ModelVerb.Read => Ask("READ", $"{path}\0", Find(client, view, path, 'r', out _) ?? view.Nodes[Resolve(client, path)].Value),
            ModelVerb.Directory => Ask("DIRECTORY", $"{path}\0", Find(client, view, path, 'r', out _) ?? Listing(view, Resolve(client, path))),
            ModelVerb.DirectoryPart => Ask("DIRECTORY_PART", $"{path}\0" + "0\0", Find(client, view, path, 'r', out _) ?? $"GEN\0{Listing(view, Resolve(client, path))}\0"),
            ModelVerb.GetPermissions => Ask("GET_PERMS", $"{path}\0", Find(client, view, path, 'r', out _)
                ?? string.Concat(view.Nodes[Resolve(client, path)].Permissions.Select(entry => $"{entry.Access}{entry.Number}\0"))),
            ModelVerb.Watch => Watch(client, path, token, null),
            ModelVerb.WatchDeep => Watch(client, path, token, step.Extra % 3),
            ModelVerb.Unwatch => Outcome(client, "UNWATCH", 0, $"{path}\0{token}\0", client.Watches.RemoveAll(watch => watch.Path == Resolve(client, path) && watch.Token == token) > 0 ? "OK\0" : Absent),
            ModelVerb.Reset => Reset(client),
            ModelVerb.Begin when client.Transactions.Count < 3 => Begin(client),
            ModelVerb.Commit when id != 0 => Commit(client, id, (ModelView)view),
            ModelVerb.Abort when id != 0 => Abort(client, id),
            ModelVerb.Release => Privileged(client, "RELEASE", $"{domain}\0", () => Release(domain)),
            ModelVerb.SetTarget => Privileged(client, "SET_TARGET", $"{domain}\0{1 + (step.Path % 3)}\0", () => SetTarget(domain, 1 + (step.Path % 3))),
            ModelVerb.IsIntroduced => Privileged(client, "IS_DOMAIN_INTRODUCED", $"{domain}\0", () => _introduced.Contains(domain) ? "T\0" : "F\0"),
            ModelVerb.GetPath => Outcome(client, "GET_DOMAIN_PATH", 0, $"{step.Extra}\0", $"/local/domain/{step.Extra}\0"),
            ModelVerb.Check => Privileged(client, "CONTROL", "check\0", () => "OK\0"),
            _ => null,
        };

        ModelOutcome Ask(string type, string payload, string reply) => Outcome(client, type, id, payload, reply);

        ModelOutcome Change(string type, string payload, Func<ModelView, string?> request)
        {
            var error = request(view);
            if (error is null && id != 0)
                client.Requests[id].Add(request);
            return Outcome(client, type, id, payload, error ?? "OK\0");
        }
    }

    private static (uint, ModelView) Pick(ModelClient client, int number)
    {
        var id = client.Transactions.Keys.Order().ElementAt(number % client.Transactions.Count);
        return (id, client.Transactions[id]);
    }

    private ModelOutcome Outcome(ModelClient client, string type, uint transaction, string payload, string reply, bool isCommit = false)
    {
        var isError = reply.Length > 1 && reply[0] == 'E' && reply.All(char.IsAsciiLetterUpper);
        var within = transaction == 0 ? "" : $" tx={transaction}";
        return new($"> {client.Name} {type}{within} \"{Escape(payload)}\"",
            $"< {client.Name} {(isError ? "ERROR" : type)} tx={transaction} \"{Escape(isError ? reply + "\0" : reply)}\"", _events, isCommit);
    }

    private ModelOutcome Privileged(ModelClient client, string type, string payload, Func<string> act)
        => Outcome(client, type, 0, payload, client.Domain == 0 ? act() : Denied);

    private static string Escape(string text) => text.Replace("\0", "\\0", StringComparison.Ordinal);

    private static string Resolve(ModelClient client, string path) => path.StartsWith('/') || path.StartsWith('@') ? path : $"/local/domain/{client.Domain}/{path}";

    private static bool IsPath(string path) => path == "/" || (path.StartsWith('/') && !path.EndsWith('/') && !path.Contains("//", StringComparison.Ordinal));

    private static string Listing(ModelView view, string path) => string.Concat(view.Children(path).Select(child => child[(child.LastIndexOf('/') + 1)..] + "\0"));

    /// <summary>Null, or why the client cannot have that node. Rights: r, w, or o, which is to write and to own.</summary>
    private string? Find(ModelClient client, ModelView view, string name, char right, out string path)
    {
        path = Resolve(client, name);
        if (!IsPath(path))
            return Malformed;
        if (view.Look(path) is { } node && (right == 'o' ? Has(client, node.Permissions, 'o') : Has(client, node.Permissions, right)))
            return null;
        var above = view.Nodes[view.NearestAbove(path)];
        var maySee = right == 'o' ? Has(client, above.Permissions, 'w') : Has(client, above.Permissions, right);
        return !view.Nodes.ContainsKey(path) && maySee ? Absent : Denied;
    }

    private bool Has(ModelClient client, IReadOnlyList<ModelPermission> permissions, char right)
    {
        bool Names(ModelPermission entry) => entry.Incarnation != 0 && Identities(client).Contains((entry.Number, entry.Incarnation));
        if (client.Domain == 0 || Names(permissions[0]))
            return true;
        var entry = permissions.Skip(1).FirstOrDefault(Names) ?? permissions[0];
        return right switch { 'r' => entry.MayRead, 'w' => entry.MayWrite, _ => false };
    }

    /// <summary>The domain, and that whose rights it has as well.</summary>
    private IEnumerable<(int Number, int Incarnation)> Identities(ModelClient client)
    {
        yield return (client.Domain, _incarnations[client.Domain]);
        if (_targets.TryGetValue(client.Domain, out var target))
            yield return (target, _incarnations[target]);
    }

    private string? Write(ModelClient client, ModelView view, string name, string value)
    {
        var error = Find(client, view, name, 'w', out var path);
        if (error == Absent)
            Create(client, view, path, value);
        else if (error is null)
            view.Change(path, value);
        else
            return error;
        Tell(view, path, exact: false, before: null);
        return null;
    }

    private string? MakeDirectory(ModelClient client, ModelView view, string name)
    {
        var error = Find(client, view, name, 'w', out var path);
        if (error != Absent)
            return error;
        Create(client, view, path, "");
        Tell(view, path, exact: false, before: null);
        return null;
    }

    private static void Create(ModelClient client, ModelView view, string path, string value)
    {
        var above = view.NearestAbove(path);
        var inherited = view.Nodes[above].Permissions;
        if (client.Domain != 0)
            inherited = [new(inherited[0].Access, client.Domain, client.Incarnation), .. inherited.Skip(1)];
        var names = path[(above == "/" ? 1 : above.Length + 1)..].Split('/');
        for (var i = 0; i < names.Length; i++)
        {
            above = above == "/" ? "/" + names[i] : $"{above}/{names[i]}";
            view.Make(above, i == names.Length - 1 ? value : "", inherited);
        }
    }

    private string? Remove(ModelClient client, ModelView view, string name)
    {
        var error = Find(client, view, name, 'w', out var path);
        if (error == Absent)
            return view.Look(ModelView.Parent(path)) is null ? Absent : null;
        if (error is not null)
            return error;
        if (path == "/")
            return Malformed;
        RemoveAll(view, path);
        return null;
    }

    private void RemoveAll(ModelView view, string path)
    {
        foreach (var gone in view.Below(path))
            Tell(view, gone, exact: gone != path, before: null);
        view.Remove(path);
    }

    private string? SetPermissions(ModelClient client, ModelView view, string name, string[] entries)
    {
        if (entries.Any(entry => entry[0] is not ('n' or 'r' or 'w' or 'b')))
            return Malformed;
        var permissions = entries.Select(entry => (Access: entry[0], Number: int.Parse(entry.AsSpan(1), CultureInfo.InvariantCulture)))
            .Select(entry => new ModelPermission(entry.Access, entry.Number, Known(entry.Number))).ToList();
        if (permissions[0].Incarnation == 0)
            return Absent;
        if (name.StartsWith('@'))
        {
            if (!_special.TryGetValue(name, out var special) || !Has(client, special, 'o'))
                return Absent;
            if (client.Domain != 0 && permissions[0].Number != special[0].Number)
                return "EPERM";
            _special[name] = permissions;
            return null;
        }
        if (Find(client, view, name, 'o', out var path) is { } error)
            return error;
        var before = view.Nodes[path].Permissions;
        if (client.Domain != 0 && permissions[0].Number != before[0].Number)
            return "EPERM";
        view.Change(path, permissions: permissions);
        Tell(view, path, exact: false, before);
        return null;
    }

    /// <summary>The incarnation of a domain that exists, which is known from now on.</summary>
    private int Known(int domain) => _incarnations.TryGetValue(domain, out var now) ? now : domain is >= 1 and <= 3 ? _incarnations[domain] = ++_last : 0;

    private ModelOutcome? Introduce(int domain)
    {
        if (!_introduced.Add(domain))
            return null;
        _events = [];
        _clients[$"d{domain}"] = new($"d{domain}") { Incarnation = Known(domain) };
        FireSpecial("@introduceDomain", domain);
        return new($"! introduce d{domain}", "< d0 INTRODUCE tx=0 \"OK\\0\"", _events, IsCommit: false);
    }

    private string Release(int domain)
    {
        if (!_introduced.Remove(domain))
            return Absent;
        _clients.Remove($"d{domain}");
        var incarnation = _incarnations[domain];
        _incarnations.Remove(domain);
        _targets.Remove(domain);
        foreach (var (stub, _) in _targets.Where(entry => entry.Value == domain).ToList())
            _targets.Remove(stub);
        foreach (var path in ParentsFirst("/").Where(path => path != "/" && _live.Nodes[path].Permissions[0] is var owner && owner.Number == domain && owner.Incarnation == incarnation).ToList())
        {
            if (_live.Nodes.ContainsKey(path))
                RemoveAll(_live, path);
        }
        FireSpecial("@releaseDomain", domain);
        return "OK\0";
    }

    private IEnumerable<string> ParentsFirst(string path) => _live.Children(path).SelectMany(ParentsFirst).Prepend(path);

    private string SetTarget(int domain, int target)
    {
        if (!_introduced.Contains(domain) || !_introduced.Contains(target))
            return Absent;
        _targets[domain] = target;
        return "OK\0";
    }

    private ModelOutcome Watch(ModelClient client, string path, string token, int? depth)
    {
        var payload = $"{path}\0{token}\0" + (depth is null ? "" : $"{depth}\0");
        var resolved = Resolve(client, path);
        if ((!IsPath(resolved) && !path.StartsWith('@')) || (path.StartsWith('@') && depth is not (null or 1)))
            return Outcome(client, "WATCH", 0, payload, Malformed);
        if (client.Watches.Exists(watch => watch.Path == resolved && watch.Token == token))
            return Outcome(client, "WATCH", 0, payload, "EEXIST");
        var watch = new ModelWatch(resolved, token, resolved != path, depth, ++_last);
        client.Watches.Add(watch);
        Say(client, watch.EventOf(client, resolved));
        return Outcome(client, "WATCH", 0, payload, "OK\0");
    }

    private ModelOutcome Reset(ModelClient client)
    {
        client.Watches.Clear();
        client.Transactions.Clear();
        client.Requests.Clear();
        return Outcome(client, "RESET_WATCHES", 0, "\0", "OK\0");
    }

    private ModelOutcome Begin(ModelClient client)
    {
        var id = ++client.LastTransaction;
        client.Transactions[id] = new(_live);
        client.Requests[id] = [];
        return Outcome(client, "TRANSACTION_START", 0, "\0", $"{id}\0");
    }

    private ModelOutcome Abort(ModelClient client, uint id)
    {
        client.Transactions.Remove(id);
        return Outcome(client, "TRANSACTION_END", id, "F\0", "OK\0");
    }

    private ModelOutcome Commit(ModelClient client, uint id, ModelView view)
    {
        client.Transactions.Remove(id);
        var reply = "OK\0";
        if (view.Written.Any(path => view.Nodes.GetValueOrDefault(path)?.Permissions[0] is { } owner && !IsOwnerAt(view.Begun!, path, owner) && _incarnations.GetValueOrDefault(owner.Number) != owner.Incarnation))
            reply = "ENOMEM";
        else if (view.Touched!.Any(path => view.Begun!.GetValueOrDefault(path)?.Version != _live.Nodes.GetValueOrDefault(path)?.Version))
            reply = "EAGAIN";
        else
            Apply(client, id, view);
        return Outcome(client, "TRANSACTION_END", id, "T\0", reply, isCommit: true);
    }

    private static bool IsOwnerAt(Dictionary<string, ModelNode> nodes, string path, ModelPermission owner)
        => nodes.TryGetValue(path, out var node) && node.Permissions[0] == owner;

    /// <summary>What it touched is as it was, so each request does again what it did; then its events are told, once each.</summary>
    private void Apply(ModelClient client, uint id, ModelView view)
    {
        foreach (var request in client.Requests[id])
            request(_live);
        _events = [];
        foreach (var (path, exact) in view.Told)
        {
            if (view.Begun!.ContainsKey(path) || view.Nodes.ContainsKey(path))
                Fire(path, exact, static (_, _) => true);
        }
    }

    /// <summary>Something happened to a node: in a transaction it is told at the commit, else now.</summary>
    private void Tell(ModelView view, string path, bool exact, IReadOnlyList<ModelPermission>? before)
    {
        if (view.Touched is not null)
        {
            view.Told[path] = exact && view.Told.GetValueOrDefault(path, true);
            return;
        }
        var node = view.Nodes.GetValueOrDefault(path);
        var parent = ModelView.Parent(path) == "/" ? null : view.Nodes.GetValueOrDefault(ModelView.Parent(path));
        Fire(path, exact, (client, _) => new[] { before, node?.Permissions, parent?.Permissions }.Any(seen => seen is not null && Has(client, seen, 'r')));
    }

    private void Fire(string path, bool exact, Func<ModelClient, ModelWatch, bool> maySee)
    {
        foreach (var (client, watch) in WatchesInOrder().Where(entry => entry.Watch.Covers(path, exact) && maySee(entry.Client, entry.Watch)))
            Say(client, watch.EventOf(client, path));
    }

    /// <summary>An event that the client has not taken yet is not said again.</summary>
    private void Say(ModelClient client, string told)
    {
        if (!_events.Contains((client.Name, told)))
            _events.Add((client.Name, told));
    }

    private void FireSpecial(string path, int domain)
    {
        foreach (var (client, watch) in WatchesInOrder().Where(entry => entry.Watch.Path == path && Has(entry.Client, _special[path], 'r')))
            _events.Add((client.Name, watch.EventOf(client, watch.Depth is null ? path : $"{path}/{domain}")));
    }

    private IEnumerable<(ModelClient Client, ModelWatch Watch)> WatchesInOrder()
        => _clients.Values.SelectMany(client => client.Watches.Select(watch => (Client: client, Watch: watch))).OrderBy(entry => entry.Watch.Number);
}
