using System.Collections.Immutable;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Permissions of nodes, and of xenstored's own events.</summary>
internal static class PermissionRequests
{
    public static Errno Get(RequestContext context)
    {
        var error = context.Find(context.Payload.Single, NodeRights.Read, out _, out var node);
        return error == Errno.None ? context.Answer(node!.Permissions.Format()) : error;
    }

    public static Errno Set(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count < 2)
            return Errno.EINVAL;
        var name = arguments[0];
        if (!context.IsPrivileged && arguments.Count - 1 > context.Limit(StoreQuota.Permissions))
            return Errno.ENOSPC;
        var error = Parse(context.Store, arguments, out var permissions);
        if (error != Errno.None)
            return error;
        if (StorePath.IsSpecial(name))
            return SetSpecial(context, name, permissions!);

        error = context.Find(name, NodeRights.Write | NodeRights.Owner, out var path, out var node);
        if (error != Errno.None)
            return error;
        var before = node!.Permissions;
        if (!context.IsPrivileged && permissions!.Owner.Domain != before.Owner.Domain)
            return Errno.EPERM;
        if (context.IsTooBig(permissions!.Count, node.Value.Length, node.NamesBytes))
            return context.NoSpace();
        var tree = context.View.Tree;
        var changed = node.WithPermissions(permissions, context.Store.Clock.Next());
        context.View.Put(path, changed);
        error = context.CheckMemory(tree, changed);
        if (error == Errno.None)
            context.View.Changed(path, before);
        return error;
    }

    /// <summary>Who may hear of domains that come and go. Its permissions have an owner as a node's have, who may change them.</summary>
    private static Errno SetSpecial(RequestContext context, string name, NodePermissions permissions)
    {
        if (context.Store.SpecialPermissions(name) is not { } before || before.For(context.Client.Domain) != NodeRights.All)
            return Errno.ENOENT;
        if (!context.IsPrivileged && permissions.Owner.Domain != before.Owner.Domain)
            return Errno.EPERM;
        context.Store.SetSpecialPermissions(name, permissions);
        return Errno.None;
    }

    /// <summary>The entries behind the path. The owner must exist; another domain that does not is kept, and means nobody.</summary>
    private static Errno Parse(Store store, List<string> arguments, out NodePermissions? permissions)
    {
        permissions = null;
        var entries = new PermissionEntry[arguments.Count - 1];
        for (var i = 0; i < entries.Length; i++)
        {
            if (!PermissionEntry.TryParse(arguments[i + 1], out entries[i]))
                return Errno.EINVAL;
        }
        var known = ImmutableArray.CreateBuilder<PermissionEntry>(entries.Length);
        foreach (var entry in entries)
            known.Add(entry with { Incarnation = store.Domains.Known(entry.Domain)?.Incarnation ?? 0 });
        if (known[0].Incarnation == 0)
            return Errno.ENOENT;
        permissions = new(known.MoveToImmutable());
        return Errno.None;
    }
}
