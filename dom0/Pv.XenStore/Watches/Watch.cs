namespace Pv.XenStore;

/// <summary>A client's wish to hear of a node and all below it.</summary>
internal sealed class Watch(StoreClient client, string path, string token, bool isRelative, long sequence)
{
    public StoreClient Client { get; } = client;

    /// <summary>Absolute or special.</summary>
    public string Path { get; } = path;

    public string Token { get; } = token;

    /// <summary>The order of registration.</summary>
    public long Sequence { get; } = sequence;

    /// <summary>A changed node's path as the watcher would name it.</summary>
    public string NameOf(string changed)
    {
        if (!isRelative)
            return changed;
        var below = changed.AsSpan(Client.Domain.Home.Length);
        return (below.StartsWith("/") ? below[1..] : below).ToString();
    }
}
