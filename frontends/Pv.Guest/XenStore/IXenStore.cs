using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// The store as Dom0's tools and back ends see it: a privileged client that enters xenstored without a socket.
/// Every verb is a request of the protocol and is judged as one.
/// </summary>
public interface IXenStore : IXenStoreNodes
{
    /// <summary>
    /// Runs <paramref name="body"/> in a transaction and commits it; when somebody else changed what it read, runs it again.
    /// An exception from the body gives the transaction up and comes out. The body begins no other transaction.
    /// </summary>
    Task TransactAsync(Func<IXenStoreNodes, Task> body);

    /// <summary>
    /// Watches a node and all below it. The first event comes at once and names the node itself.
    /// <c>@introduceDomain</c> and <c>@releaseDomain</c> are watched in the same way.
    /// </summary>
    Task<IXenStoreWatch> WatchAsync(string path);

    /// <summary>
    /// Opens a domain's ring: its store page (<paramref name="page"/>, a guest frame number) and the event channel that its builder left unbound for Dom0.
    /// Fires <c>@introduceDomain</c>.
    /// </summary>
    Task IntroduceAsync(DomId domain, Pfn page, EventPort port);

    /// <summary>Closes a domain's ring, removes every node that it owns, and fires <c>@releaseDomain</c>. Nothing happens where the store forgot it already.</summary>
    Task ReleaseAsync(DomId domain);

    /// <summary>A domain that had shut down for a suspend runs on.</summary>
    Task ResumeAsync(DomId domain);

    /// <summary>Gives a stub domain the rights of the domain that it serves.</summary>
    Task SetTargetAsync(DomId domain, DomId target);

    Task<bool> IsIntroducedAsync(DomId domain);

    /// <summary>The names of all quotas.</summary>
    Task<IReadOnlyList<string>> GetQuotaNamesAsync();

    /// <summary>A quota as it is set for a domain, or with null for all that have no setting of their own. 0: without limit.</summary>
    Task<int> GetQuotaAsync(DomId? domain, string quota);

    /// <summary>Sets a quota for a domain, introduced or not, or with null for all that have no setting of their own. 0: without limit.</summary>
    Task SetQuotaAsync(DomId? domain, string quota, int value);

    /// <summary>What xenstored offers on a domain's ring.</summary>
    Task<XenStoreServerFeatures> GetFeaturesAsync(DomId domain);

    /// <summary>Says what will be offered to a domain that is not introduced yet.</summary>
    Task SetFeaturesAsync(DomId domain, XenStoreServerFeatures features);
}

/// <summary>A watch. Its events are the paths that changed, in order, named as the watch's own path was (absolute or relative).</summary>
public interface IXenStoreWatch : IAsyncDisposable
{
    string Path { get; }

    /// <summary>Ends when the watch is disposed or the store stops.</summary>
    IAsyncEnumerable<string> Events { get; }
}
