using Pv.Abi;

namespace Pv.XenStore;

/// <summary>A domain as xenstored knows it: from when it is introduced or first named in permissions, until it is gone.</summary>
internal sealed class StoreDomain(DomId id, long incarnation, QuotaSettings quotasForAll)
{
    /// <summary>What every domain's ring offers where nobody said otherwise.</summary>
    public const XenStoreServerFeatures AllFeatures
        = XenStoreServerFeatures.Reconnection | XenStoreServerFeatures.Error | XenStoreServerFeatures.WatchDepth;

    public DomId Id { get; } = id;

    /// <summary>Tells domains apart that bear the same number one after the other.</summary>
    public long Incarnation { get; } = incarnation;

    public bool IsPrivileged => Id == DomId.Dom0;

    /// <summary>The domain's <c>/local/domain/N</c>.</summary>
    public string Home { get; } = StorePath.OfDomain(id);

    public bool IsIntroduced { get; set; }

    public QuotaSettings Quotas { get; } = new(quotasForAll);

    /// <summary>What its ring offers, and what it may use.</summary>
    public XenStoreServerFeatures Features { get; set; } = AllFeatures;

    /// <summary>It shut down and has been announced so.</summary>
    public bool IsShutDown { get; set; }

    /// <summary>Lines of the log that it caused.</summary>
    public int LinesLogged { get; set; }

    /// <summary>The log said that it has more than the soft quota of memory.</summary>
    public bool IsAboveSoftMemory { get; set; }

    /// <summary>For a stub domain, the domain whose rights it has as well.</summary>
    public StoreDomain? Target { get; set; }

    /// <summary>Its ring, while that is open.</summary>
    public XenStoreConnection? Connection { get; set; }
}
