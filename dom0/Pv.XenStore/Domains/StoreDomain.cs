using Pv.Abi;

namespace Pv.XenStore;

/// <summary>A domain as xenstored knows it: from when it is introduced or first named in permissions, until it is gone.</summary>
internal sealed class StoreDomain(DomId id, long incarnation)
{
    public DomId Id { get; } = id;

    /// <summary>Tells domains apart that bear the same number one after the other.</summary>
    public long Incarnation { get; } = incarnation;

    public bool IsPrivileged => Id == DomId.Dom0;

    /// <summary>The domain's <c>/local/domain/N</c>.</summary>
    public string Home { get; } = StorePath.OfDomain(id);

    public bool IsIntroduced { get; set; }

    /// <summary>It shut down and has been announced so.</summary>
    public bool IsShutDown { get; set; }

    /// <summary>For a stub domain, the domain whose rights it has as well.</summary>
    public StoreDomain? Target { get; set; }

    /// <summary>Its ring, while that is open.</summary>
    public XenStoreConnection? Connection { get; set; }
}
