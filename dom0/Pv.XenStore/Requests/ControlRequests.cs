using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Words to the daemon itself, from its administrator. Those that it does not know are EINVAL.</summary>
internal static class ControlRequests
{
    private const string Commands
        = "check\t\nlog\ton|off\nmemreport\t\nprint\t<string>\nquota\t[set <name> <val>|<domid>]\nquota-soft\t[set <name> <val>]\nhelp\t\n";

    private const string SoftMemory = "memory";

    public static Errno Control(RequestContext context)
    {
        var words = context.Payload.Strings();
        return words switch
        {
            ["check"] => Check(context.Store),
            ["help"] => context.Answer(Commands),
            ["log", "on"] => Trace(context, true),
            ["log", "off"] => Trace(context, false),
            ["memreport"] => ReportMemory(context.Store),
            ["print", var text] => Print(context, text),
            ["quota"] => context.Answer(Quotas(context.Store.Domains.Quotas)),
            ["quota", "set", var name, var value] => SetQuota(context, name, value),
            ["quota", not "set" and var domain] => ShowDomain(context, domain),
            ["quota-soft"] => context.Answer(QuotaHeader + Row(SoftMemory, context.Store.Domains.SoftMemory, "Total Xenstore memory per domain (warning level)")),
            ["quota-soft", "set", SoftMemory, var value] => SetSoftMemory(context, value),
            _ => Errno.EINVAL,
        };
    }

    private static string QuotaHeader => "Quota settings:\n";

    /// <summary>Counts what each domain owns anew, and logs where the books differ.</summary>
    private static Errno Check(Store store)
    {
        var counted = StoreTree.Walk(StorePath.Root, store.Live.Tree.Root)
            .GroupBy(entry => entry.Node.Permissions.Owner.Domain)
            .ToDictionary(group => group.Key, group => group.Count());
        foreach (var domain in counted.Keys.Union(store.Domains.All.Select(domain => domain.Id)))
        {
            var (found, booked) = (counted.GetValueOrDefault(domain), store.Live.Tree.OwnedBy(domain));
            if (found != booked)
                store.Host.Log($"check: {domain} owns {found} nodes, and the books say {booked}");
        }
        return Errno.None;
    }

    private static Errno ReportMemory(Store store)
    {
        foreach (var domain in store.Domains.All)
            store.Host.Log($"memreport: {DomainReport(store, domain).TrimEnd().Replace("\n", ", ", StringComparison.Ordinal)}");
        store.Host.Log($"memreport: the process has {GC.GetTotalMemory(forceFullCollection: false)} bytes of objects");
        return Errno.None;
    }

    private static Errno Print(RequestContext context, string text)
    {
        context.Store.Host.Log($"control: {text}");
        return Errno.None;
    }

    private static Errno Trace(RequestContext context, bool isOn)
    {
        context.Store.IsTraced = isOn;
        return Errno.None;
    }

    private static Errno SetQuota(RequestContext context, string name, string text)
    {
        if (!StoreQuotaRow.TryFind(name, out var quota) || !TryReadQuota(text, out var value))
            return Errno.EINVAL;
        context.Store.Domains.Quotas[quota] = value;
        return Errno.None;
    }

    private static Errno SetSoftMemory(RequestContext context, string text)
    {
        if (!TryReadQuota(text, out var value))
            return Errno.EINVAL;
        context.Store.Domains.SoftMemory = value;
        return Errno.None;
    }

    private static bool TryReadQuota(string text, out int value)
    {
        value = unchecked((int)Numbers.ToUnsigned(text));
        return value > 0;
    }

    private static Errno ShowDomain(RequestContext context, string text)
        => context.Store.Domains.Find(DomainRequests.ToDomain(text)) is { } domain
            ? context.Answer(DomainReport(context.Store, domain))
            : Errno.ENOENT;

    private static string DomainReport(Store store, StoreDomain domain)
    {
        static string Row(string name, long value) => $"{name,-16}: {value,8}\n";

        var connection = domain.Connection;
        return $"Domain {domain.Id.Value}:\n"
            + Row("nodes", store.Live.Tree.OwnedBy(domain.Id))
            + Row("watches", store.Watches.Clients().Where(client => client.Domain == domain).Sum(client => client.Watches.Count))
            + Row("transactions", connection?.Transactions.Count ?? 0)
            + Row("outstanding", connection?.PendingReplies ?? 0)
            + Row("memory", store.MemoryOf(domain));
    }

    private static string Quotas(QuotaSettings settings)
        => QuotaHeader + string.Concat(StoreQuotaRow.All.Select(row => Row(row.Name, settings[row.Quota], row.Description)));

    private static string Row(string name, int value, string what) => $"{name,-17}: {value,8} {what}\n";
}
