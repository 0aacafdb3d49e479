using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Does one request: refuses it with an error, or leaves the answer in the context.</summary>
internal delegate Errno RequestHandler(RequestContext context);

/// <summary>A kind of request and what holds for it before it is looked at.</summary>
/// <param name="Handler">Null: no client may send it.</param>
/// <param name="IsPrivileged">For Dom0 only.</param>
/// <param name="IgnoresTransaction">The transaction that it names does not matter.</param>
internal readonly record struct RequestRow(RequestHandler? Handler, bool IsPrivileged = false, bool IgnoresTransaction = false);

/// <summary>Every request of the protocol, by its number.</summary>
internal static class RequestTable
{
    private static readonly RequestRow[] Rows = Build();

    public static RequestRow Find(XenStoreMessageType type) => (uint)type < Rows.Length ? Rows[(uint)type] : default;

    private static RequestRow[] Build()
    {
        var rows = new RequestRow[(int)XenStoreMessageType.SetQuota + 1];
        void Row(XenStoreMessageType type, RequestRow row) => rows[(int)type] = row;

        Row(XenStoreMessageType.Directory, new(NodeRequests.Directory));
        Row(XenStoreMessageType.DirectoryPart, new(NodeRequests.DirectoryPart));
        Row(XenStoreMessageType.Read, new(NodeRequests.Read));
        Row(XenStoreMessageType.Write, new(NodeRequests.Write));
        Row(XenStoreMessageType.MakeDirectory, new(NodeRequests.MakeDirectory));
        Row(XenStoreMessageType.Remove, new(NodeRequests.Remove));
        Row(XenStoreMessageType.GetPerms, new(PermissionRequests.Get));
        Row(XenStoreMessageType.SetPerms, new(PermissionRequests.Set));
        Row(XenStoreMessageType.Watch, new(WatchRequests.Watch, IgnoresTransaction: true));
        Row(XenStoreMessageType.Unwatch, new(WatchRequests.Unwatch, IgnoresTransaction: true));
        Row(XenStoreMessageType.ResetWatches, new(WatchRequests.Reset));
        Row(XenStoreMessageType.TransactionStart, new(TransactionRequests.Start));
        Row(XenStoreMessageType.TransactionEnd, new(TransactionRequests.End));
        Row(XenStoreMessageType.Introduce, new(DomainRequests.Introduce, IsPrivileged: true));
        Row(XenStoreMessageType.Release, new(DomainRequests.Release, IsPrivileged: true));
        Row(XenStoreMessageType.Resume, new(DomainRequests.Resume, IsPrivileged: true));
        Row(XenStoreMessageType.SetTarget, new(DomainRequests.SetTarget, IsPrivileged: true));
        Row(XenStoreMessageType.IsDomainIntroduced, new(DomainRequests.IsIntroduced, IsPrivileged: true));
        Row(XenStoreMessageType.GetDomainPath, new(DomainRequests.GetPath));
        Row(XenStoreMessageType.Control, new(ControlRequests.Control, IsPrivileged: true));
        Row(XenStoreMessageType.GetFeature, new(QuotaRequests.GetFeatures));
        Row(XenStoreMessageType.SetFeature, new(QuotaRequests.SetFeatures, IsPrivileged: true));
        Row(XenStoreMessageType.GetQuota, new(QuotaRequests.Get, IsPrivileged: true));
        Row(XenStoreMessageType.SetQuota, new(QuotaRequests.Set, IsPrivileged: true));
        return rows;
    }
}
