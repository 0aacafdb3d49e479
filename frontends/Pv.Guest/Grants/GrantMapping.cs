using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>A foreign frame in this domain's pseudo-physical memory, until it is disposed of.</summary>
/// <remarks>What stands in it was written by a peer that may be hostile. The view must not be used after the disposal.</remarks>
public sealed class GrantMapping : IDisposable
{
    private readonly GrantTable _owner;
    private bool _unmapped;

    internal GrantMapping(GrantTable owner, Pfn pfn, SharedPage page, uint handle)
    {
        _owner = owner;
        Pfn = pfn;
        Page = page;
        Handle = handle;
    }

    /// <summary>Where it is mapped.</summary>
    public Pfn Pfn { get; }

    public SharedPage Page { get; }

    internal uint Handle { get; }

    /// <exception cref="GrantException">The hypervisor refused.</exception>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _unmapped, true))
            _owner.Unmap(this);
    }
}
