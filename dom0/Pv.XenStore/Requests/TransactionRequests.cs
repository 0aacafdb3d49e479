using System.Globalization;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Beginning and ending transactions.</summary>
internal static class TransactionRequests
{
    public static Errno Start(RequestContext context)
    {
        if (context.Transaction is not null)
            return Errno.EBUSY;
        if (context.Client.Transactions.Count > context.Limit(StoreQuota.Transactions))
            return Errno.ENOSPC;
        var id = context.Client.NextTransactionId();
        context.Store.Transactions.Begin(context.Client, new StoreTransaction(id, context.Store.Live.Tree, context.Store.Clock, context.Client));
        return context.Answer(id.ToString(CultureInfo.InvariantCulture));
    }

    public static Errno End(RequestContext context)
    {
        var argument = context.Payload.Single;
        if (argument is not ("T" or "F"))
            return Errno.EINVAL;
        if (context.Transaction is not { } transaction)
            return Errno.ENOENT;
        context.Store.Transactions.End(context.Client, transaction);
        if (argument == "F")
            return Errno.None;
        if (transaction.Failed)
            return Errno.ENOMEM;
        return IsOverQuota(context, transaction) ? Errno.ENOSPC : transaction.Commit(context.Store.Live, context.Store.Domains);
    }

    /// <summary>The daemon is stricter here than for a single request: a domain must stay below its quota.</summary>
    private static bool IsOverQuota(RequestContext context, StoreTransaction transaction)
    {
        var domain = context.Client.Domain;
        var gain = transaction.GainOf(domain.Id);
        return !domain.IsPrivileged && gain != 0 && context.Store.Live.Tree.OwnedBy(domain.Id) + gain >= context.Limit(StoreQuota.Nodes);
    }
}
