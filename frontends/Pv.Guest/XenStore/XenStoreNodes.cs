using Pv.Abi;

namespace Pv.Guest;

/// <summary>The verbs on nodes over a ring, in a transaction or (number 0) outside.</summary>
internal sealed class XenStoreNodes(XenStoreConnection connection, uint transaction) : IXenStoreNodes
{
    public async Task<string?> ReadAsync(string path)
        => await IfThereAsync(XenStoreMessageType.Read, path) is { } value ? XenStoreConnection.Text(value) : null;

    public async Task<IReadOnlyList<string>?> ListAsync(string path)
    {
        try
        {
            return await IfThereAsync(XenStoreMessageType.Directory, path) is { } names ? Split(names) : null;
        }
        catch (XenStoreException failure) when (failure.Error == Errno.E2BIG)
        {
            return await ListInPartsAsync(path);
        }
    }

    public Task WriteAsync(string path, string value) => RequestAsync(XenStoreMessageType.Write, path, path, value);

    public Task MakeDirectoryAsync(string path) => RequestAsync(XenStoreMessageType.MakeDirectory, path, path);

    public Task RemoveAsync(string path) => IfThereAsync(XenStoreMessageType.Remove, path);

    public async Task<IReadOnlyList<XenStorePermission>> GetPermissionsAsync(string path)
        => [.. Split(await RequestAsync(XenStoreMessageType.GetPerms, path, path)).Select(Permission)];

    public Task SetPermissionsAsync(string path, params IReadOnlyList<XenStorePermission> permissions)
        => RequestAsync(XenStoreMessageType.SetPerms, path, [path, .. permissions.Select(permission => permission.ToString())]);

    private Task<byte[]> RequestAsync(XenStoreMessageType type, string path, params string[] parts)
        => connection.RequestAsync(type, transaction, path, parts);

    private async Task<byte[]?> IfThereAsync(XenStoreMessageType type, string path)
    {
        try
        {
            return await RequestAsync(type, path, path);
        }
        catch (XenStoreException failure) when (failure.Error == Errno.ENOENT)
        {
            return null;
        }
    }

    /// <summary>Lists a node whose children's names do not fit one reply. Begins anew when the node changes on the way.</summary>
    private async Task<IReadOnlyList<string>> ListInPartsAsync(string path)
    {
        while (true)
        {
            var names = "";
            string? generation = null;
            while (true)
            {
                var reply = XenStoreConnection.Text(await RequestAsync(XenStoreMessageType.DirectoryPart, path, path, $"{names.Length}"));
                var end = reply.IndexOf('\0', StringComparison.Ordinal);
                if (end < 0)
                    throw new InvalidDataException("xenstore sent a part of a directory without a generation.");
                generation ??= reply[..end];
                if (generation != reply[..end])
                    break;
                var part = reply[(end + 1)..];
                // The last part ends in an empty name.
                if (part.Length <= 1 || part.EndsWith("\0\0", StringComparison.Ordinal))
                    return Split(names + part.TrimEnd('\0'));
                names += part;
            }
        }
    }

    private static string[] Split(byte[] names) => Split(XenStoreConnection.Text(names));

    private static string[] Split(string names) => names.Split('\0', StringSplitOptions.RemoveEmptyEntries);

    private static XenStorePermission Permission(string text)
    {
        var access = text.Length == 0 ? -1 : "nrwb".IndexOf(text[0], StringComparison.Ordinal);
        if (access < 0 || !ushort.TryParse(text.AsSpan(1), out var domain))
            throw new InvalidDataException($"xenstore sent the permission '{text}'.");
        return new XenStorePermission(new DomId(domain), (XenStoreAccess)access);
    }
}
