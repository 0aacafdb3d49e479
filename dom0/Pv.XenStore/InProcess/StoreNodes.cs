using System.Text;
using Pv.Abi;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>The verbs on nodes as requests of a session, outside or inside one transaction.</summary>
internal sealed class StoreNodes(StoreSession session, uint transactionId) : IXenStoreNodes
{
    public async Task<string?> ReadAsync(string path)
    {
        var reply = await OrAbsent(AskAsync(XenStoreMessageType.Read, path)).ConfigureAwait(false);
        return reply is null ? null : Encoding.Latin1.GetString(reply);
    }

    public async Task<IReadOnlyList<string>?> ListAsync(string path)
    {
        try
        {
            var reply = await OrAbsent(AskAsync(XenStoreMessageType.Directory, path)).ConfigureAwait(false);
            return reply is null ? null : new Payload(reply).Strings();
        }
        catch (XenStoreException exception) when (exception.Error == Errno.E2BIG)
        {
            return await ListInPartsAsync(path).ConfigureAwait(false);
        }
    }

    public Task WriteAsync(string path, string value)
        => session.AskAsync(XenStoreMessageType.Write, transactionId, [.. Payload.Of(path), .. Encoding.Latin1.GetBytes(value)], path);

    public Task MakeDirectoryAsync(string path) => AskAsync(XenStoreMessageType.MakeDirectory, path);

    public Task RemoveAsync(string path) => OrAbsent(AskAsync(XenStoreMessageType.Remove, path));

    public async Task<IReadOnlyList<XenStorePermission>> GetPermissionsAsync(string path)
    {
        var reply = await AskAsync(XenStoreMessageType.GetPerms, path).ConfigureAwait(false);
        return new Payload(reply).Strings().ConvertAll(static text =>
            PermissionEntry.TryParse(text, out var entry) ? new XenStorePermission(entry.Domain, entry.Access) : throw new FormatException($"'{text}' is no permission."));
    }

    public Task SetPermissionsAsync(string path, params IReadOnlyList<XenStorePermission> permissions)
        => session.AskAsync(XenStoreMessageType.SetPerms, transactionId, Payload.Of(string.Join('\0', permissions.Select(entry => entry.ToString()).Prepend(path))), path);

    /// <summary>A listing that one message cannot hold. One that changes while it is read is read again.</summary>
    private async Task<IReadOnlyList<string>?> ListInPartsAsync(string path)
    {
        string? generation = null;
        var listing = new List<byte>();
        while (true)
        {
            var request = Payload.Of($"{path}\0{listing.Count}");
            var reply = await OrAbsent(session.AskAsync(XenStoreMessageType.DirectoryPart, transactionId, request, path)).ConfigureAwait(false);
            if (reply is null)
                return null;
            new Payload(reply).TrySplit(out var now, out var part);
            if (generation != now && listing.Count > 0)
            {
                (generation, listing) = (null, []);
                continue;
            }
            generation = now;
            var isLast = part.EndsWith("\0\0"u8) || part.SequenceEqual("\0"u8);
            listing.AddRange(isLast ? part[..^1] : part);
            if (isLast)
                return new Payload(listing.ToArray()).Strings();
        }
    }

    private Task<byte[]> AskAsync(XenStoreMessageType type, string path) => session.AskAsync(type, transactionId, Payload.Of(path), path);

    private static async Task<byte[]?> OrAbsent(Task<byte[]> reply)
    {
        try
        {
            return await reply.ConfigureAwait(false);
        }
        catch (XenStoreException exception) when (exception.Error == Errno.ENOENT)
        {
            return null;
        }
    }
}
