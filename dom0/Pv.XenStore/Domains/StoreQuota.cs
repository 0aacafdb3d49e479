using Pv.Abi;

namespace Pv.XenStore;

/// <summary>What a domain may have only so much of, in the order in which xenstored shows it.</summary>
internal enum StoreQuota
{
    /// <summary>Nodes that the domain owns.</summary>
    Nodes,

    /// <summary>xenstored refuses when there are more already, so one more than this is had.</summary>
    Watches,

    /// <summary>xenstored refuses when there are more already, so one more than this is had.</summary>
    Transactions,

    /// <summary>Replies that the domain has not taken; no more of its requests are read then.</summary>
    Outstanding,

    /// <summary>Nodes that one transaction has looked at or changed.</summary>
    TransactionNodes,

    /// <summary>Bytes of the nodes that the domain owns, its watches, its transactions' copies, and what it has not taken; see <see cref="StoreMemory"/>.</summary>
    Memory,

    /// <summary>A node's record is smaller than this; see <see cref="StoreMemory.OfRecord"/>.</summary>
    NodeSize,

    /// <summary>Characters of a path, not counting <c>/local/domain/N/</c>.</summary>
    PathMax,

    /// <summary>Entries in a node's permissions.</summary>
    Permissions,
}

/// <summary>A quota as xenstored names and shows it.</summary>
internal readonly record struct StoreQuotaRow(StoreQuota Quota, string Name, int Default, string Description)
{
    /// <summary>Every quota with the default of Xen 4.17.</summary>
    public static IReadOnlyList<StoreQuotaRow> All { get; } =
    [
        new(StoreQuota.Nodes, "nodes", 1000, "Nodes per domain"),
        new(StoreQuota.Watches, "watches", 128, "Watches per domain"),
        new(StoreQuota.Transactions, "transactions", 10, "Transactions per domain"),
        new(StoreQuota.Outstanding, "outstanding", 20, "Outstanding requests per domain"),
        new(StoreQuota.TransactionNodes, "transaction-nodes", 1024, "Max. number of accessed nodes per transaction"),
        new(StoreQuota.Memory, "memory", 2560 << 10, "Total Xenstore memory per domain (error level)"),
        new(StoreQuota.NodeSize, "node-size", 2048, "Max. size of a node"),
        new(StoreQuota.PathMax, "path-max", XenStoreLimits.RelativePathBytes, "Max. length of a node path"),
        new(StoreQuota.Permissions, "permissions", 5, "Max. number of permissions per node"),
    ];

    public static bool TryFind(string name, out StoreQuota quota)
    {
        foreach (var row in All)
        {
            if (row.Name != name)
                continue;
            quota = row.Quota;
            return true;
        }
        quota = default;
        return false;
    }
}
