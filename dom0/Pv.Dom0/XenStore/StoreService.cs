using Pv.Abi;
using Pv.Guest;
using Pv.XenStore;

namespace Pv.Dom0.XenStore;

/// <summary>xenstored as a service of Dom0: the daemon, and the virtual interrupt by which it hears of domains that shut down or die.</summary>
/// <remarks>It takes Dom0's <c>VIRQ_DOM_EXC</c>, which only one can bind; whoever else wants to hear has <see cref="DomainsChanged"/>.</remarks>
public sealed class StoreService : IAsyncDisposable
{
    private readonly XenStoreDaemon _daemon;
    private readonly EventChannel _domainsChanged;
    private readonly Action<string> _log;

    /// <param name="kernel">Dom0's kernel.</param>
    /// <param name="log">Takes what is to be told.</param>
    /// <param name="inline">All of Dom0 is one thread, see <see cref="XenStoreDaemon(IStoreHost, bool)"/>.</param>
    public StoreService(Dom0Kernel kernel, Action<string> log, bool inline = false)
    {
        _log = log;
        _daemon = new XenStoreDaemon(new Dom0StoreHost(kernel, log), inline);
        _domainsChanged = kernel.Events.BindVirq(VirtualIrq.DomainException, () => _ = CheckAsync());
    }

    /// <summary>A domain shut down or died, and the store has seen it. On any thread.</summary>
    public event Action? DomainsChanged;

    /// <summary>A new client of Dom0's, with watches and transactions of its own.</summary>
    public IXenStore OpenClient() => _daemon.OpenClient();

    /// <summary>Serves a unix socket with Dom0's rights; see <see cref="XenStoreDaemon.ListenAsync"/>.</summary>
    public Task ListenAsync(string path) => _daemon.ListenAsync(path, DomId.Dom0);

    /// <summary>What each domain has in the store.</summary>
    public Task<IReadOnlyList<StoreCounts>> MeasureAsync() => _daemon.MeasureAsync();

    public ValueTask DisposeAsync()
    {
        _domainsChanged.Dispose();
        return _daemon.DisposeAsync();
    }

    private async Task CheckAsync()
    {
        try
        {
            await _daemon.CheckDomainsAsync();
            DomainsChanged?.Invoke();
        }
        catch (OperationCanceledException)
        {
            // The daemon has stopped.
        }
        catch (Exception failure)
        {
            _log($"xenstored: looking at the domains failed: {failure}");
        }
    }
}
