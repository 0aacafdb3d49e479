using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.Dom0.Consoles;

/// <summary>A domain's console page by its grant, and its event channel bound to one of Dom0's.</summary>
public sealed class Dom0ConsoleChannel : IConsoleChannel
{
    private readonly GrantMapping _page;
    private readonly EventChannel _channel;

    /// <summary>Maps the page of a domain's first console, whose grant is reserved, and binds.</summary>
    /// <param name="kernel">Dom0's kernel.</param>
    /// <param name="domain">Whose console it is.</param>
    /// <param name="port">The domain's port, left unbound for Dom0.</param>
    /// <exception cref="GrantException">The page cannot be mapped.</exception>
    /// <exception cref="HypercallException">The port cannot be bound.</exception>
    public Dom0ConsoleChannel(Dom0Kernel kernel, DomId domain, EventPort port)
        : this(kernel, domain, new GrantRef(ReservedGrants.Console), port)
    {
    }

    /// <summary>Maps and binds.</summary>
    /// <param name="kernel">Dom0's kernel.</param>
    /// <param name="domain">Whose console it is.</param>
    /// <param name="page">The grant of its page.</param>
    /// <param name="port">The domain's port, left unbound for Dom0.</param>
    /// <exception cref="GrantException">The page cannot be mapped.</exception>
    /// <exception cref="HypercallException">The port cannot be bound.</exception>
    public Dom0ConsoleChannel(Dom0Kernel kernel, DomId domain, GrantRef page, EventPort port)
    {
        _page = kernel.Grants.Map(domain, page);
        try
        {
            _channel = kernel.Events.BindInterdomain(domain, port, static () => { });
        }
        catch
        {
            _page.Dispose();
            throw;
        }
    }

    public SharedPage Page => _page.Page;

    public Action? Handler
    {
        set => _channel.Handler = value ?? (static () => { });
    }

    public void Notify() => _channel.Notify();

    public void Dispose()
    {
        _channel.Dispose();
        _page.Dispose();
    }
}
