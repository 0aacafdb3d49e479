namespace Pv.XenStore;

/// <summary>A client's wish to hear of a node and all below it, or of xenstored's own events.</summary>
/// <param name="client">Who wants to hear.</param>
/// <param name="path">Absolute or special.</param>
/// <param name="token">By which the client knows the watch.</param>
/// <param name="isRelative">The client named the path relative to its home, and hears of changes in the same way.</param>
/// <param name="depth">How many levels below the path still count; null: all. On a special path it must be 1, and asks for the domain's number.</param>
/// <param name="sequence">The order of registration.</param>
internal sealed class Watch(StoreClient client, string path, string token, bool isRelative, int? depth, long sequence)
{
    public StoreClient Client { get; } = client;

    public string Path { get; } = path;

    public string Token { get; } = token;

    public long Sequence { get; } = sequence;

    public bool TellsDomain => depth is not null;

    public bool Reaches(int levels) => depth is not { } most || levels <= most;

    /// <summary>A changed node's path as the watcher would name it.</summary>
    public string NameOf(string changed)
    {
        if (!isRelative)
            return changed;
        var below = changed.AsSpan(Client.Domain.Home.Length);
        return (below.StartsWith("/") ? below[1..] : below).ToString();
    }
}
