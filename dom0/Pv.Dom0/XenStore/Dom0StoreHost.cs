using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.XenStore;

namespace Pv.Dom0.XenStore;

/// <summary>What xenstored needs of the hypervisor: domains' states, their store pages by the reserved grant, their event channels.</summary>
public sealed class Dom0StoreHost(Dom0Kernel kernel, Action<string> log) : IStoreHost
{
    public StoreDomainState StateOf(DomId domain)
    {
        if (kernel.Hypercalls.GetDomainInfo(domain, out var info) != Errno.None || info.Flags.HasFlag(DomainInfoFlags.Dying))
            return StoreDomainState.Gone;
        return info.Flags.HasFlag(DomainInfoFlags.Shutdown) ? StoreDomainState.ShutDown : StoreDomainState.Alive;
    }

    public Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel)
    {
        channel = null;
        GrantMapping? mapping = null;
        try
        {
            mapping = kernel.Grants.Map(domain, new GrantRef(ReservedGrants.XenStore));
            channel = new StoreChannel(mapping, kernel.Events.BindInterdomain(domain, port, wake));
            return Errno.None;
        }
        catch (Exception failure) when (failure is GrantException or HypercallException)
        {
            mapping?.Dispose();
            log($"{domain}: its xenstore ring cannot be opened: {failure.Message}");
            return failure is HypercallException refused ? refused.Errno : Errno.EINVAL;
        }
    }

    public void Log(string line) => log(line);

    private sealed class StoreChannel(GrantMapping mapping, EventChannel channel) : IStoreChannel
    {
        public SharedPage Page => mapping.Page;

        public void Notify() => channel.Notify();

        public void Dispose()
        {
            channel.Dispose();
            mapping.Dispose();
        }
    }
}
