using Pv.Abi;

namespace Pv.XenStore;

/// <summary>The domains that the store has heard of and that still are.</summary>
internal sealed class DomainTable
{
    private readonly Dictionary<DomId, StoreDomain> _domains = [];
    private readonly StoreClock _clock;
    private readonly IStoreHost _host;

    public DomainTable(StoreClock clock, IStoreHost host)
    {
        _clock = clock;
        _host = host;
        Dom0 = new StoreDomain(DomId.Dom0, clock.Next(), Quotas) { IsIntroduced = true };
        _domains.Add(DomId.Dom0, Dom0);
    }

    public StoreDomain Dom0 { get; }

    /// <summary>What holds for every domain for which nothing else was set.</summary>
    public QuotaSettings Quotas { get; } = new();

    /// <summary>Bytes that a domain may have before the log says so; 0: it is never said.</summary>
    public int SoftMemory { get; set; } = 2 << 20;

    public IEnumerable<StoreDomain> All => _domains.Values;

    /// <summary>The domain, which is known from now on, or null when there is none of that number.</summary>
    public StoreDomain? Known(DomId id)
    {
        if (_domains.TryGetValue(id, out var domain))
            return domain;
        if (id.IsReserved || _host.StateOf(id) == StoreDomainState.Gone)
            return null;
        domain = new StoreDomain(id, _clock.Next(), Quotas);
        _domains.Add(id, domain);
        return domain;
    }

    /// <summary>The domain if its ring was opened.</summary>
    public StoreDomain? Introduced(DomId id) => _domains.TryGetValue(id, out var domain) && domain.IsIntroduced ? domain : null;

    /// <summary>The domain if it was ever heard of.</summary>
    public StoreDomain? Find(DomId id) => _domains.GetValueOrDefault(id);

    /// <summary>Whether the domain that the entry was set for still is.</summary>
    public bool IsAlive(PermissionEntry entry) => Find(entry.Domain) is { } domain && entry.Names(domain);

    /// <summary>Whoever gets the number next is somebody else; a stub domain loses what it had from this one.</summary>
    public void Remove(StoreDomain domain)
    {
        _domains.Remove(domain.Id);
        foreach (var other in _domains.Values.Where(other => other.Target == domain))
            other.Target = null;
    }
}
