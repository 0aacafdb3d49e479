using Pv.Abi;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>
/// xenstored without its loop: the tree, the domains, the watches, and the serving of one request after the other.
/// </summary>
/// <remarks>One thread at a time: <see cref="XenStoreDaemon"/>'s loop, or a test's.</remarks>
internal sealed class Store
{
    private const int LinesAboutGuest = 20;

    private readonly Dictionary<string, NodePermissions> _special;

    /// <param name="host">The machine.</param>
    /// <param name="schedule">Asks for a turn on the loop; any thread may call it. False once the loop has ended.</param>
    public Store(IStoreHost host, Func<IStoreWork, bool> schedule)
    {
        Host = host;
        Schedule = schedule;
        Domains = new DomainTable(Clock, host);
        var permissions = new NodePermissions([new PermissionEntry(DomId.Dom0.Value, Domains.Dom0.Incarnation, XenStoreAccess.None)]);
        Live = new LiveView(StoreTree.WithRoot(new StoreNode([], permissions, Clock.Next())), Clock, Watches);
        Live.Put("/tool", new StoreNode([], permissions, Clock.Next()));
        Live.Put("/tool/xenstored", new StoreNode([], permissions, Clock.Next()));
        _special = new(StringComparer.Ordinal) { [StorePath.IntroduceDomain] = permissions, [StorePath.ReleaseDomain] = permissions };
    }

    public IStoreHost Host { get; }

    public Func<IStoreWork, bool> Schedule { get; }

    /// <summary>The turn of the tools in this process to transact.</summary>
    public SemaphoreSlim ToolTransactions { get; } = new(1, 1);

    /// <summary>For what comes from connections.</summary>
    public BufferPool InputBuffers { get; } = new(MessageDecoder.BufferBytes);

    /// <summary>For what goes to connections: a reply of the usual size, or some events.</summary>
    public BufferPool OutputBuffers { get; } = new(1000);

    public StoreClock Clock { get; } = new();

    public WatchTable Watches { get; } = new();

    public DomainTable Domains { get; }

    public LiveView Live { get; }

    public OpenTransactions Transactions { get; } = new();

    /// <summary>Every request and answer goes to the log.</summary>
    public bool IsTraced { get; set; }

    /// <summary>Serves one request; its events go out before its reply, as from xenstored.</summary>
    public void Handle(StoreClient client, in StoreMessage message)
    {
        var error = Serve(client, message, out var context);
        Transactions.Renew(Live.Tree);
        var reply = context is null ? [] : context.Reply;
        if (error == Errno.None && reply.Length > XenStoreLimits.PayloadBytes)
            error = Errno.E2BIG;
        if (IsTraced)
            Host.Log($"{client.Domain.Id} {message.Type} tx={message.TransactionId} {error}");
        if (error == Errno.None)
            client.Send(message.Type, message.RequestId, message.TransactionId, reply);
        else
            client.Send(XenStoreMessageType.Error, message.RequestId, message.TransactionId, Payload.Of(error.ToString()));
        if (error == Errno.None && context!.EventAfterReply is var (path, token))
            client.SendEvent(path, token);
    }

    /// <summary>A client is gone: its watches and transactions go with it.</summary>
    public void Disconnect(StoreClient client)
    {
        Watches.RemoveAll(client);
        Transactions.EndAll(client);
    }

    /// <summary>Opens a domain's ring, or for one that is open already, opens it again over a new event channel.</summary>
    public Errno Introduce(DomId id, Pfn page, EventPort port)
    {
        if (id == DomId.Dom0)
            return Errno.None;
        if (Domains.Known(id) is not { } domain)
            return Errno.ENOENT;
        var connection = domain.Connection ?? new XenStoreConnection(this, domain);
        var error = Host.Connect(id, page, port, connection.Wake, out var channel);
        if (error != Errno.None)
            return error;
        connection.Attach(new StoreRing(channel!, domain.Features));
        Introduce(domain, connection);
        connection.Wake();
        return Errno.None;
    }

    /// <summary>A domain is there, with a connection.</summary>
    public void Introduce(StoreDomain domain, XenStoreConnection connection)
    {
        domain.Connection = connection;
        if (domain.IsIntroduced)
            return;
        domain.IsIntroduced = true;
        Watches.FireSpecial(StorePath.IntroduceDomain, [domain.Id], _special[StorePath.IntroduceDomain]);
    }

    /// <summary>
    /// Looks at every domain again: one that is gone is forgotten, one that shut down is announced once until it is resumed,
    /// all that did so with one event.
    /// </summary>
    public void CheckDomains()
    {
        var shutDown = new List<DomId>();
        foreach (var domain in Domains.All.Where(domain => !domain.IsPrivileged).ToList())
        {
            var state = Host.StateOf(domain.Id);
            if (state == StoreDomainState.Gone)
                Forget(domain);
            else if (state == StoreDomainState.ShutDown && domain is { IsIntroduced: true, IsShutDown: false })
            {
                domain.IsShutDown = true;
                shutDown.Add(domain.Id);
            }
        }
        if (shutDown.Count > 0)
            FireRelease(shutDown);
    }

    /// <summary>Closes a domain's ring and removes every node that it owns, with all below them.</summary>
    public void Forget(StoreDomain domain)
    {
        if (domain.Connection is { } connection)
        {
            domain.Connection = null;
            Disconnect(connection);
            connection.Stop();
        }
        Domains.Remove(domain);
        var owned = StoreTree.Walk(StorePath.Root, Live.Tree.Root)
            .Where(entry => entry.Node.Permissions.Owner.Names(domain) && entry.Path != StorePath.Root)
            .Select(entry => entry.Path)
            .ToList();
        foreach (var path in owned)
            Live.Remove(path);
        Transactions.Renew(Live.Tree);
        if (domain.IsIntroduced)
            FireRelease(domain.Id);
    }

    /// <summary>The end: nobody is served any more.</summary>
    public void CloseAll()
    {
        foreach (var client in Watches.Clients().ToList())
            client.Stop();
        foreach (var domain in Domains.All)
            domain.Connection?.Stop();
    }

    /// <summary>Who may hear of one of xenstored's own events, or null when there is no such event.</summary>
    public NodePermissions? SpecialPermissions(string name) => _special.GetValueOrDefault(name);

    public void SetSpecialPermissions(string name, NodePermissions permissions) => _special[name] = permissions;

    /// <summary>A line about what a domain did. A guest is heard only so often in its life: the log is not its to fill.</summary>
    public void LogAbout(StoreDomain domain, string line)
    {
        if (domain.IsPrivileged || ++domain.LinesLogged < LinesAboutGuest)
            Host.Log($"{domain.Id}: {line}");
        else if (domain.LinesLogged == LinesAboutGuest)
            Host.Log($"{domain.Id}: {line}; what it does from now on is not logged");
    }

    /// <summary>All that a domain costs; see <see cref="StoreMemory"/>.</summary>
    public long MemoryOf(StoreDomain domain) => Live.Tree.MemoryOf(domain.Id) + (domain.Connection?.MemoryBytes ?? 0);

    /// <inheritdoc cref="MemoryOf(StoreDomain)"/>
    public long MemoryOf(StoreClient client) => Live.Tree.MemoryOf(client.Domain.Id) + client.MemoryBytes;

    private void FireRelease(params IReadOnlyCollection<DomId> domains)
        => Watches.FireSpecial(StorePath.ReleaseDomain, domains, _special[StorePath.ReleaseDomain]);

    private Errno Serve(StoreClient client, in StoreMessage message, out RequestContext? context)
    {
        context = null;
        var row = RequestTable.Find(message.Type);
        if (row.Handler is null)
            return Errno.ENOSYS;
        if (row.IsPrivileged && !client.Domain.IsPrivileged)
            return Errno.EACCES;
        StoreTransaction? transaction = null;
        if (message.TransactionId != 0 && !row.IgnoresTransaction && !client.Transactions.TryGetValue(message.TransactionId, out transaction))
            return Errno.ENOENT;
        context = new RequestContext(this, client, transaction, message.Payload);
        if (client.Domain.IsPrivileged)
            return row.Handler(context);
        var error = transaction is null ? row.Handler(context) : ServeWithin(transaction, row, context);
        CheckSoftMemory(client);
        return error;
    }

    /// <summary>Serves a guest's request in a transaction. When the transaction outgrows what the guest may have, nothing of the request stands.</summary>
    private Errno ServeWithin(StoreTransaction transaction, in RequestRow row, RequestContext context)
    {
        var (tree, bytes) = (transaction.Tree, transaction.Bytes);
        var limit = context.Limit(StoreQuota.Memory);
        transaction.Room = Math.Max(0, limit - MemoryOf(context.Client));
        var error = row.Handler!(context);
        if (transaction.IsOverfull)
            error = row.Handler == NodeRequests.Remove ? Errno.EIO : Errno.ENOSPC;
        else if (transaction.Room < 0 || (transaction.Bytes > bytes && MemoryOf(context.Client) > limit))
            error = Errno.ENOMEM;
        else
            return error;
        transaction.GiveUp(tree, bytes);
        return error;
    }

    private void CheckSoftMemory(StoreClient client)
    {
        var domain = client.Domain;
        var isAbove = Domains.SoftMemory != 0 && MemoryOf(client) > Domains.SoftMemory;
        if (isAbove == domain.IsAboveSoftMemory)
            return;
        domain.IsAboveSoftMemory = isAbove;
        LogAbout(domain, isAbove ? "exceeds the soft quota of memory" : "is below the soft quota of memory again");
    }
}
