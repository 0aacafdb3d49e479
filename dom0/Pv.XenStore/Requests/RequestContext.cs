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
    /// <returns><see cref="Errno.EINVAL"/> for a bad path, ENOENT with <paramref name="path"/> set, or EACCES.</returns>
    public Errno Find(string? name, NodeRights needed, out string path, out StoreNode? node)
    {
        node = null;
        path = name is null ? string.Empty : StorePath.Resolve(name, Client.Domain.Home);
        if (!StorePath.IsValid(path))
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

    /// <summary>The nearest node that stands above a path where none stands.</summary>
    public (string Path, StoreNode Node) NearestAbove(string path)
    {
        do
            path = StorePath.Parent(path);
        while (View.Read(path) is null && path.Length > 1);
        return (path, View.Tree.Find(path)!);
    }

    public bool Has(StoreNode node, NodeRights needed) => (node.Permissions.For(Client.Domain) & needed) == needed;

    /// <summary>A change was refused for want of space.</summary>
    public Errno NoSpace()
    {
        if (Transaction is not null)
            Transaction.Failed = true;
        return Errno.ENOSPC;
    }

    /// <summary>Whether a node with these parts is too big for the client to write.</summary>
    public bool IsTooBig(int permissions, int valueBytes, int namesBytes)
        => !IsPrivileged && StoreQuotas.RecordBytes(permissions, valueBytes, namesBytes) >= StoreQuotas.NodeBytes;
}
