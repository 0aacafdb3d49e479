using Pv.Guest;

namespace Pv.Toolstack.Domains;

/// <summary>
/// The nodes of a transaction for a body that writes many: a write does not wait for its answer, only the end does. The store serves a client's
/// requests in their order, so that what comes out is the same, without a turn of two threads each.
/// </summary>
/// <remarks>One thread. Reads see the writes before them.</remarks>
internal sealed class QueuedNodes(IXenStoreNodes nodes) : IXenStoreNodes
{
    private readonly List<Task> _answers = [];

    /// <summary>Runs a transaction whose body is given such nodes.</summary>
    public static Task TransactAsync(IXenStore store, Func<IXenStoreNodes, Task> body) => store.TransactAsync(async nodes =>
    {
        var queued = new QueuedNodes(nodes);
        try
        {
            await body(queued);
        }
        finally
        {
            // Also behind a failure: nothing of a transaction comes after its end.
            await Task.WhenAll(queued._answers);
        }
    });

    public Task<string?> ReadAsync(string path) => nodes.ReadAsync(path);

    public Task<IReadOnlyList<string>?> ListAsync(string path) => nodes.ListAsync(path);

    public Task<IReadOnlyList<XenStorePermission>> GetPermissionsAsync(string path) => nodes.GetPermissionsAsync(path);

    public Task WriteAsync(string path, string value) => Queue(nodes.WriteAsync(path, value));

    public Task MakeDirectoryAsync(string path) => Queue(nodes.MakeDirectoryAsync(path));

    public Task RemoveAsync(string path) => Queue(nodes.RemoveAsync(path));

    public Task SetPermissionsAsync(string path, params IReadOnlyList<XenStorePermission> permissions) => Queue(nodes.SetPermissionsAsync(path, permissions));

    private Task Queue(Task answer)
    {
        _answers.Add(answer);
        return Task.CompletedTask;
    }
}
