using Pv.Guest;

namespace Pv.Toolstack.Domains;

/// <summary>Removing nodes as libxl does.</summary>
internal static class NodeRemoval
{
    /// <summary>Removes a node with all below it, and every folder above that has nothing else in it.</summary>
    public static async Task RemoveUpwardsAsync(this IXenStoreNodes nodes, string path)
    {
        do
        {
            await nodes.RemoveAsync(path);
            path = path[..path.LastIndexOf('/')];
        }
        while (path.Length > 0 && await nodes.ListAsync(path) is { Count: 0 });
    }
}
