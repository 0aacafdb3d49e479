using System.Threading.Channels;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>
/// xenstored: one loop that gives everybody their turn, and so needs no lock. Rings wake it, tools of this process queue their requests to it.
/// </summary>
/// <remarks>Every member may be called on any thread.</remarks>
public sealed class XenStoreDaemon : IAsyncDisposable
{
    private readonly Channel<IStoreWork> _work = Channel.CreateUnbounded<IStoreWork>(new() { SingleReader = true });
    private readonly IStoreHost _host;
    private readonly Store _store;
    private readonly Task _loop;

    public XenStoreDaemon(IStoreHost host)
    {
        _host = host;
        _store = new Store(host, work => _work.Writer.TryWrite(work));
        _loop = Task.Run(ServeAsync);
    }

    /// <summary>A new privileged client. Its watches and transactions are its own.</summary>
    public IXenStore OpenClient() => new StoreSession(_store);

    /// <summary>
    /// To be called at each <c>VIRQ_DOM_EXC</c>: looks which domains shut down or are gone, closes the rings of those, removes their nodes,
    /// and fires <c>@releaseDomain</c>.
    /// </summary>
    public Task CheckDomainsAsync() => RunAsync(_store.CheckDomains);

    /// <summary>Closes every ring and ends the loop; requests that still wait are cancelled.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_work.Writer.TryComplete())
            return;
        await _loop.ConfigureAwait(false);
        _store.CloseAll();
    }

    private async Task ServeAsync()
    {
        await foreach (var work in _work.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                work.Run();
            }
            catch (Exception exception)
            {
                // Each kind of work answers for its own failures; this one belongs to none of the clients.
                _host.Log($"xenstored: {exception}");
            }
        }
    }

    private Task RunAsync(Action action)
    {
        var work = new StoreAction(action);
        if (!_work.Writer.TryWrite(work))
            work.Cancel();
        return work.Done;
    }
}
