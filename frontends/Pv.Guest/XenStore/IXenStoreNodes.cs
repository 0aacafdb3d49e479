namespace Pv.Guest;

/// <summary>
/// The verbs on nodes, the same outside and inside a transaction. Paths are absolute, or relative to the caller's <c>/local/domain/N</c>.
/// Any thread; requests of one caller are served in the order of the calls.
/// </summary>
/// <remarks>A refusal is an <see cref="XenStoreException"/>, save that reading, listing and removing what is absent are answers.</remarks>
public interface IXenStoreNodes
{
    /// <summary>The node's value as text (Latin-1, as many characters as bytes), or null when there is no such node.</summary>
    Task<string?> ReadAsync(string path);

    /// <summary>The names of the node's children in the order of their creation, or null when there is no such node.</summary>
    Task<IReadOnlyList<string>?> ListAsync(string path);

    /// <summary>Sets a node's value, and makes the node and its parents where they are missing.</summary>
    Task WriteAsync(string path, string value);

    /// <summary>Makes an empty node with its parents; one that exists stays as it is.</summary>
    Task MakeDirectoryAsync(string path);

    /// <summary>Removes a node and all below it; one that is absent is fine.</summary>
    Task RemoveAsync(string path);

    Task<IReadOnlyList<XenStorePermission>> GetPermissionsAsync(string path);

    /// <summary>Sets a node's permissions. The first entry is the owner; only a domain that exists may own.</summary>
    Task SetPermissionsAsync(string path, params IReadOnlyList<XenStorePermission> permissions);
}
