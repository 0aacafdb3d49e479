using System.Globalization;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Reading, writing, making and removing nodes.</summary>
internal static class NodeRequests
{
    /// <summary>What xenstored answers to a request to make or remove a node that names none.</summary>
    private const Errno Malformed = Errno.ENOMEM;

    public static Errno Directory(RequestContext context)
    {
        var error = context.Find(context.Payload.Single, NodeRights.Read, out _, out var node);
        return error == Errno.None ? context.Answer(node!.Listing.ToArray()) : error;
    }

    /// <summary>
    /// The part of the listing from a byte offset on, behind the node's generation. The last part ends in an empty name.
    /// A client that sees the generation change between two parts begins again.
    /// </summary>
    public static Errno DirectoryPart(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count != 2)
            return Errno.EINVAL;
        var error = context.Find(arguments[0], NodeRights.Read, out _, out var node);
        if (error != Errno.None)
            return error;
        var listing = node!.Listing;
        var generation = Payload.Of(node.Generation.ToString(CultureInfo.InvariantCulture));
        var offset = Numbers.ToUnsigned(arguments[1]);
        if (offset >= (uint)listing.Length)
            return context.Answer([.. generation, 0]);

        var rest = listing[(int)offset..];
        var length = WholeNames(rest, XenStoreLimits.PayloadBytes - generation.Length - 1);
        return length == rest.Length
            ? context.Answer([.. generation, .. rest, 0])
            : context.Answer([.. generation, .. rest[..length]]);
    }

    public static Errno Read(RequestContext context)
    {
        var error = context.Find(context.Payload.Single, NodeRights.Read, out _, out var node);
        return error == Errno.None ? context.Answer(node!.Value) : error;
    }

    public static Errno Write(RequestContext context)
    {
        if (!context.Payload.TrySplit(out var name, out var bytes))
            return Errno.EINVAL;
        var value = bytes.ToArray();
        var error = context.Find(name, NodeRights.Write, out var path, out var node);
        if (error == Errno.ENOENT)
        {
            error = Create(context, path, value);
        }
        else if (error == Errno.None)
        {
            if (context.IsTooBig(node!.Permissions.Count, value.Length, node.NamesBytes))
                return context.NoSpace();
            var before = context.View.Tree;
            var written = node.WithValue(value, context.Store.Clock.Next());
            context.View.Put(path, written);
            error = context.CheckMemory(before, written);
        }
        if (error == Errno.None)
            context.View.Changed(path, before: null);
        return error;
    }

    public static Errno MakeDirectory(RequestContext context)
    {
        if (context.Payload.Single is not { } name)
            return Malformed;
        var error = context.Find(name, NodeRights.Write, out var path, out _);
        if (error != Errno.ENOENT)
            return error;
        error = Create(context, path, []);
        if (error == Errno.None)
            context.View.Changed(path, before: null);
        return error;
    }

    public static Errno Remove(RequestContext context)
    {
        if (context.Payload.Single is not { } name)
            return Malformed;
        var error = context.Find(name, NodeRights.Write, out var path, out _);
        // What is already gone is fine, where its parent is not gone as well.
        if (error == Errno.ENOENT)
            return context.View.Read(StorePath.Parent(path)) is null ? Errno.ENOENT : Errno.None;
        if (error != Errno.None)
            return error;
        if (path == StorePath.Root)
            return Errno.EINVAL;
        context.View.Remove(path);
        return Errno.None;
    }

    /// <summary>Makes a node and the parents that it lacks. All of it is checked against the client's quotas first.</summary>
    private static Errno Create(RequestContext context, string path, byte[] value)
    {
        var (above, ancestor) = context.NearestAbove(path);
        var permissions = ancestor.Permissions.InheritedBy(context.Client.Domain);
        var names = path[(above.Length == 1 ? 1 : above.Length + 1)..].Split('/');

        if (!context.IsPrivileged && context.View.Tree.OwnedBy(context.Client.Domain.Id) + names.Length > context.Limit(StoreQuota.Nodes))
            return context.NoSpace();
        if (context.IsTooBig(ancestor.Permissions.Count, ancestor.Value.Length, ancestor.NamesBytes + names[0].Length + 1))
            return context.NoSpace();
        for (var i = 0; i < names.Length; i++)
        {
            var isLast = i == names.Length - 1;
            if (context.IsTooBig(permissions.Count, isLast ? value.Length : 0, isLast ? 0 : names[i + 1].Length + 1))
                return context.NoSpace();
        }

        var before = context.View.Tree;
        var at = above;
        var node = ancestor;
        for (var i = 0; i < names.Length; i++)
        {
            at = StorePath.Join(at, names[i]);
            node = new StoreNode(i == names.Length - 1 ? value : [], permissions, context.Store.Clock.Next());
            context.View.Put(at, node);
        }
        return context.CheckMemory(before, node, ancestor);
    }

    /// <summary>How many bytes of whole names stay below <paramref name="most"/>.</summary>
    private static int WholeNames(ReadOnlySpan<byte> names, int most)
    {
        var length = 0;
        while (length < names.Length)
        {
            var next = names[length..].IndexOf((byte)0) + 1;
            if (length + next > most)
                break;
            length += next;
        }
        return length;
    }
}
