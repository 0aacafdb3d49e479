using Pv.Abi;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>
/// xenstored: one loop that gives everybody their turn, and so needs no lock. Rings wake it, sockets are what it sleeps on,
/// tools of this process queue their requests to it.
/// </summary>
/// <remarks>Every member may be called on any thread.</remarks>
public sealed class XenStoreDaemon : IAsyncDisposable
{
    private readonly Store _store;
    private readonly IStoreLoop _loop;

    /// <summary>Where there can be sockets.</summary>
    private readonly EpollWait? _epoll;

    /// <param name="host">The machine.</param>
    /// <param name="inline">
    /// Without a thread and without sockets: everything is done in the calls that ask for it, all of which come on one thread.
    /// </param>
    /// <exception cref="IOException">The system has no descriptors left.</exception>
    public XenStoreDaemon(IStoreHost host, bool inline = false)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (inline)
        {
            _loop = new InlineLoop(host.Log);
            _store = new Store(host, _loop.Schedule);
            return;
        }
        _epoll = OperatingSystem.IsLinux() ? new EpollWait() : null;
        var loop = new StoreLoop(_epoll ?? (ILoopWait)new SignalWait(), host.Log);
        _loop = loop;
        _store = new Store(host, loop.Schedule);
        loop.Start();
    }

    internal IStoreLoop Loop => _loop;

    /// <summary>A new privileged client. Its watches and transactions are its own.</summary>
    public IXenStore OpenClient() => new StoreSession(_store);

    /// <summary>Serves a unix socket at that path until the daemon ends, for the user of this process alone.</summary>
    /// <param name="path">The socket. A dead one's is replaced.</param>
    /// <param name="domain">
    /// With whose rights one speaks there. A guest's socket serves one connection at a time: accepting it introduces the domain,
    /// its end releases the domain.
    /// </param>
    /// <exception cref="IOException">It cannot be served; the message says why.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public async Task ListenAsync(string path, DomId domain)
    {
        if (_epoll is not { } epoll)
            throw new PlatformNotSupportedException("xenstored serves sockets on Linux only, and none in deterministic mode.");
        var socket = SocketFile.Listen(path, "xenstored");
        try
        {
            await RunAsync(() => _ = new SocketListener(_store, epoll, socket, domain)).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What each domain has in the store.</summary>
    public async Task<IReadOnlyList<StoreCounts>> MeasureAsync()
    {
        IReadOnlyList<StoreCounts> counts = [];
        await RunAsync(() => counts = [.. _store.Domains.All.OrderBy(domain => domain.Id).Select(domain => new StoreCounts(
            domain.Id, _store.Live.Tree.OwnedBy(domain.Id), _store.Live.Tree.MemoryOf(domain.Id),
            domain.Connection?.Watches.Count ?? 0, domain.Connection?.Transactions.Count ?? 0))]).ConfigureAwait(false);
        return counts;
    }

    /// <summary>
    /// To be called at each <c>VIRQ_DOM_EXC</c>: looks which domains shut down or are gone, closes the rings of those, removes their nodes,
    /// and fires <c>@releaseDomain</c>.
    /// </summary>
    public Task CheckDomainsAsync() => RunAsync(_store.CheckDomains);

    /// <summary>Closes every ring and socket and ends the loop; requests that were queued before are served.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_loop.TryEnd(out var ended))
            return;
        await ended.ConfigureAwait(false);
        _store.CloseAll();
    }

    private Task RunAsync(Action action)
    {
        var work = new StoreAction(action);
        if (!_loop.Schedule(work))
            work.Cancel();
        return work.Done;
    }
}
