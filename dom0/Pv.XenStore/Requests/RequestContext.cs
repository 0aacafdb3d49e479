using Pv.Abi;

namespace Pv.XenStore;

/// <summary>One request being served: who asks, over which tree, with what, and the answer as it comes about.</summary>
internal sealed class RequestContext(Store store, StoreClient client, StoreTransaction? transaction, ReadOnlyMemory<byte> payload)
{
    private static readonly byte[] Acknowledgement = Payload.Of("OK");

    public Store Store { get; } = store;

    public StoreClient Client { get; } = client;

    public StoreTransaction? Transaction { get; } = transaction;

    public IStoreView View { get; } = transaction is null ? store.Live : transaction;

    public Payload Payload { get; } = new(payload);

    /// <summary>What is sent back when the handler returns no error.</summary>
    public byte[] Reply { get; private set; } = Acknowledgement;

    /// <summary>An event that must not overtake the reply.</summary>
    public (string Path, string Token)? EventAfterReply { get; set; }

    public bool IsPrivileged => Client.Domain.IsPrivileged;

    /// <summary>The most that the client may have; Dom0 is not limited.</summary>
    public int Limit(StoreQuota quota) => IsPrivileged ? int.MaxValue : Client.Domain.Quotas.Limit(quota);

    public Errno Answer(byte[] reply)
    {
        Reply = reply;
        return Errno.None;
    }

    /// <summary>Answers with a string and its zero.</summary>
    public Errno Answer(string reply) => Answer(Payload.Of(reply));

    /// <summary>
    /// Finds the node that a request names, for a client who must have certain rights to it.
    /// Where there is none, the nearest node above decides whether the client may know that.
    /// </summary>
    /// <returns>
    /// <see cref="Errno.EINVAL"/> for a bad path, ENOENT with <paramref name="path"/> set, or EACCES. A request that names none is answered as
    /// xenstored answers: ENOENT.
    /// </returns>
    public Errno Find(string? name, NodeRights needed, out string path, out StoreNode? node)
    {
        node = null;
        path = string.Empty;
        if (name is null)
            return Errno.ENOENT;
        if (!TryResolve(name, out path))
            return Errno.EINVAL;
        var found = View.Read(path);
        if (found is not null && Has(found, needed))
        {
            node = found;
            return Errno.None;
        }
        // A refusal depends on the node above as well, so a transaction remembers that, too. One of the rights is enough there, as it is for xenstored.
        var above = NearestAbove(path).Node;
        return found is null && (above.Permissions.For(Client.Domain) & needed) != 0 ? Errno.ENOENT : Errno.EACCES;
    }

    /// <summary>The absolute path that a name in a request means; false where it can mean no node.</summary>
    public bool TryResolve(string name, out string path)
    {
        path = StorePath.Resolve(name, Client.Domain.Home);
        return StorePath.IsValid(path, Client.Domain.Quotas.Limit(StoreQuota.PathMax));
    }

    /// <summary>The nearest node that stands above a path where none stands.</summary>
    public (string Path, StoreNode Node) NearestAbove(string path)
    {
        do
            path = StorePath.Parent(path);
        while (View.Read(path) is null && path.Length > 1);
        return (path, View.Tree.Find(path)!);
    }

    public bool Has(StoreNode node, NodeRights needed) => (node.Permissions.For(Client.Domain) & needed) == needed;

    /// <summary>
    /// Whether the owners of what was just put may have it. If not, it is taken back. Dom0's changes are not refused: a guest at its limit would
    /// else refuse its own shutdown. In a transaction the copies are weighed instead, when the request is done.
    /// </summary>
    /// <param name="before">The tree before.</param>
    /// <param name="node">What was put.</param>
    /// <param name="above">What stands above it, where it is new.</param>
    public Errno CheckMemory(StoreTree before, StoreNode node, StoreNode? above = null)
    {
        if (IsPrivileged || Transaction is not null)
            return Errno.None;
        if (!Outgrows(before, node.Permissions.Owner.Domain) && (above is null || !Outgrows(before, above.Permissions.Owner.Domain)))
            return Errno.None;
        View.Restore(before);
        return Errno.EIO;
    }

    /// <summary>A change was refused for want of space.</summary>
    public Errno NoSpace()
    {
        if (Transaction is not null)
            Transaction.Failed = true;
        return Errno.ENOSPC;
    }

    /// <summary>Whether a node with these parts is too big for the client to write.</summary>
    public bool IsTooBig(int permissions, int valueBytes, int namesBytes)
        => StoreMemory.OfRecord(permissions, valueBytes, namesBytes) >= Limit(StoreQuota.NodeSize);

    private bool Outgrows(StoreTree before, DomId owner)
        => View.Tree.MemoryOf(owner) > before.MemoryOf(owner)
            && Store.Domains.Find(owner) is { IsPrivileged: false } domain
            && Store.MemoryOf(domain) > domain.Quotas.Limit(StoreQuota.Memory);
}
