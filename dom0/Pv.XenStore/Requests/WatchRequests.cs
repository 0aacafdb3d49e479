using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Registering and leaving watches.</summary>
internal static class WatchRequests
{
    public static Errno Watch(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count != 2)
            return Errno.EINVAL;
        var (name, token) = (arguments[0], arguments[1]);
        var path = StorePath.Resolve(name, context.Client.Domain.Home);
        var isGood = StorePath.IsSpecial(name) ? name.Length <= XenStoreLimits.RelativePathBytes : StorePath.IsValid(path);
        if (!isGood)
            return Errno.EINVAL;
        if (Find(context, path, token) is not null)
            return Errno.EEXIST;
        if (!context.IsPrivileged && context.Client.Watches.Count > StoreQuotas.Watches)
            return Errno.E2BIG;

        var watch = context.Store.Watches.Add(context.Client, path, token, isRelative: path != name);
        // One event comes first, so that a client may treat the start as any other change.
        context.EventAfterReply = (watch.NameOf(path), token);
        return Errno.None;
    }

    public static Errno Unwatch(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count != 2)
            return Errno.EINVAL;
        var watch = Find(context, StorePath.Resolve(arguments[0], context.Client.Domain.Home), arguments[1]);
        if (watch is null)
            return Errno.ENOENT;
        context.Store.Watches.Remove(watch);
        return Errno.None;
    }

    /// <summary>Leaves every watch and gives every transaction up: a kernel begins anew on a ring that another one used.</summary>
    public static Errno Reset(RequestContext context)
    {
        context.Store.Watches.RemoveAll(context.Client);
        context.Client.Transactions.Clear();
        return Errno.None;
    }

    private static Watch? Find(RequestContext context, string path, string token)
        => context.Client.Watches.Find(watch => watch.Path == path && watch.Token == token);
}
