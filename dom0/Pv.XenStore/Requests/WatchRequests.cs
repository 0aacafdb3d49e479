using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Registering and leaving watches.</summary>
internal static class WatchRequests
{
    public static Errno Watch(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count is not (2 or 3))
            return Errno.EINVAL;
        var (name, token) = (arguments[0], arguments[1]);
        var isValid = context.TryResolve(name, out var path);
        if (StorePath.IsSpecial(name))
            isValid = name.Length <= XenStoreLimits.RelativePathBytes;
        int? depth = null;
        if (!isValid || (arguments.Count == 3 && !TryReadDepth(context, name, arguments[2], out depth)))
            return Errno.EINVAL;
        if (Find(context, path, token) is not null)
            return Errno.EEXIST;
        if (context.Client.Watches.Count > context.Limit(StoreQuota.Watches))
            return Errno.E2BIG;
        if (!context.IsPrivileged && context.Store.MemoryOf(context.Client) + StoreMemory.OfWatch(path, token) > context.Limit(StoreQuota.Memory))
            return Errno.ENOMEM;

        var watch = context.Store.Watches.Add(context.Client, path, token, isRelative: path != name, depth);
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
        context.Store.Transactions.EndAll(context.Client);
        return Errno.None;
    }

    /// <summary>
    /// How many levels below the path the watch is to reach, where the domain was offered that. Of xenstored's own events only 1 can be asked.
    /// </summary>
    private static bool TryReadDepth(RequestContext context, string name, string text, out int? depth)
    {
        depth = null;
        if (!context.Client.Domain.Features.HasFlag(XenStoreServerFeatures.WatchDepth) || !Numbers.TryParsePlain(text, out var levels))
            return false;
        depth = levels;
        return levels == 1 || !StorePath.IsSpecial(name);
    }

    private static Watch? Find(RequestContext context, string path, string token)
        => context.Client.Watches.Find(watch => watch.Path == path && watch.Token == token);
}
