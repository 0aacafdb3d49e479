using Pv.Abi;
using Pv.Guest;

namespace Pv.Toolstack.Domains;

/// <content>What xenstored lets domains have.</content>
public sealed partial class XenDomains
{
    public async Task<IReadOnlyList<(string Name, int Value)>> ListStoreQuotasAsync(DomId? domain)
    {
        DemandGuestOrNone(domain);
        var all = new List<(string, int)>();
        foreach (var name in await _store.GetQuotaNamesAsync())
            all.Add((name, await _store.GetQuotaAsync(domain, name)));
        return all;
    }

    public async Task SetStoreQuotaAsync(DomId? domain, string name, int value)
    {
        DemandGuestOrNone(domain);
        var names = await _store.GetQuotaNamesAsync();
        if (!names.Contains(name))
            throw new ToolstackException($"xenstored has no quota '{name}'; it has {string.Join(", ", names)}.");
        try
        {
            await _store.SetQuotaAsync(domain, name, value);
        }
        catch (XenStoreException e)
        {
            throw new ToolstackException($"The quota {name} cannot be {value}: {e.Message}");
        }
    }

    private void DemandGuestOrNone(DomId? domain)
    {
        if (domain is { } guest)
            FindGuest(guest, "it is privileged and has no quotas");
    }
}
