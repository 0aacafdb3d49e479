using Pv.Machine;

namespace Pv.Dom0.Consoles;

/// <summary>A domain's console page and the event channel beside it. Disposing closes and unmaps.</summary>
public interface IConsoleChannel : IDisposable
{
    SharedPage Page { get; }

    /// <summary>Called at each event from the domain, on any thread; it never waits.</summary>
    Action? Handler { set; }

    /// <summary>Sends the domain an event.</summary>
    void Notify();
}
