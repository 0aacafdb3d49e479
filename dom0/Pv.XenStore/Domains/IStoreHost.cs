using Pv.Abi;
using Pv.Machine;

namespace Pv.XenStore;

/// <summary>What the store asks of the machine that it serves. Called on the daemon's loop; must not wait for the store.</summary>
public interface IStoreHost
{
    /// <summary>How the hypervisor has that domain, introduced or not.</summary>
    StoreDomainState StateOf(DomId domain);

    /// <summary>
    /// Maps a domain's store page and binds its event channel.
    /// <paramref name="wake"/> is called, on any thread, at each event until the channel is disposed.
    /// </summary>
    /// <param name="domain">Whose ring.</param>
    /// <param name="page">The page by its guest frame number; a host that maps by grant uses <c>GNTTAB_RESERVED_XENSTORE</c> instead.</param>
    /// <param name="port">The domain's end of the channel.</param>
    /// <param name="wake">What an event calls.</param>
    /// <param name="channel">The open ring.</param>
    Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel);

    /// <summary>A line for the daemon's log.</summary>
    void Log(string line);
}

/// <summary>A domain's life, as far as the store minds.</summary>
public enum StoreDomainState
{
    /// <summary>There is none of that number, or it is being destroyed.</summary>
    Gone,
    Alive,

    /// <summary>It shut down, and is not destroyed yet.</summary>
    ShutDown,
}

/// <summary>A domain's store page and the event channel beside it. Disposing unmaps and closes.</summary>
public interface IStoreChannel : IDisposable
{
    SharedPage Page { get; }

    /// <summary>Sends the domain an event.</summary>
    void Notify();
}
