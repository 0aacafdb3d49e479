using System.Globalization;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>What domains may have, and what their rings offer. Only Dom0 sets it.</summary>
internal static class QuotaRequests
{
    /// <summary>The names of all quotas, or one as it is set for all domains or for one.</summary>
    public static Errno Get(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count > 2)
            return Errno.EINVAL;
        if (arguments.Count == 0 || arguments is [""])
            return context.Answer(string.Join(' ', StoreQuotaRow.All.Select(row => row.Name)));
        var error = FindSettings(context, arguments.Count == 2 ? arguments[0] : null, out var settings);
        if (error != Errno.None)
            return error;
        return StoreQuotaRow.TryFind(arguments[^1], out var quota)
            ? context.Answer(settings![quota].ToString(CultureInfo.InvariantCulture))
            : Errno.EINVAL;
    }

    /// <summary>Sets one for all domains or for one. 0: without limit.</summary>
    public static Errno Set(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count is not (2 or 3))
            return Errno.EINVAL;
        var error = FindSettings(context, arguments.Count == 3 ? arguments[0] : null, out var settings);
        if (error != Errno.None)
            return error;
        if (!StoreQuotaRow.TryFind(arguments[^2], out var quota) || !Numbers.TryParsePlain(arguments[^1], out var value))
            return Errno.EINVAL;
        settings![quota] = value;
        return Errno.None;
    }

    /// <summary>What xenstored offers to the one who asks, or, to Dom0, what it offers to a domain.</summary>
    public static Errno GetFeatures(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        var domain = context.Client.Domain;
        if (arguments.Count > 0 && arguments is not [""])
        {
            if (!context.IsPrivileged)
                return Errno.EACCES;
            if (arguments.Count > 1)
                return Errno.EINVAL;
            if (context.Store.Domains.Known(DomainRequests.ToDomain(arguments[0])) is not { } named)
                return Errno.ENOENT;
            domain = named;
        }
        return context.Answer(((uint)domain.Features).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Says what a domain will be offered once it is introduced.</summary>
    public static Errno SetFeatures(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count != 2)
            return Errno.EINVAL;
        if (context.Store.Domains.Known(DomainRequests.ToDomain(arguments[0])) is not { } domain)
            return Errno.ENOENT;
        if (domain.IsIntroduced)
            return Errno.EBUSY;
        if (!Numbers.TryParsePlain(arguments[1], out var bits) || ((XenStoreServerFeatures)bits & ~StoreDomain.AllFeatures) != 0)
            return Errno.EINVAL;
        domain.Features = (XenStoreServerFeatures)bits;
        return Errno.None;
    }

    private static Errno FindSettings(RequestContext context, string? domain, out QuotaSettings? settings)
    {
        settings = domain is null
            ? context.Store.Domains.Quotas
            : context.Store.Domains.Known(DomainRequests.ToDomain(domain))?.Quotas;
        return settings is null ? Errno.ENOENT : Errno.None;
    }
}
