using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Domains: their rings, their paths, their ends.</summary>
internal static class DomainRequests
{
    public static Errno Introduce(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count < 3)
            return Errno.EINVAL;
        var port = Numbers.ToUnsigned(arguments[2]);
        if (port == 0)
            return Errno.EINVAL;
        // xenstored cuts this number, and only this one, to 16 bits.
        var domain = new DomId(unchecked((ushort)Numbers.ToUnsigned(arguments[0])));
        return context.Store.Introduce(domain, new Pfn(Numbers.ToUnsigned(arguments[1])), new EventPort(port));
    }

    public static Errno Release(RequestContext context)
    {
        var error = FindGuest(context, out var domain);
        if (error == Errno.None)
            context.Store.Forget(domain!);
        return error;
    }

    public static Errno Resume(RequestContext context)
    {
        var error = FindGuest(context, out var domain);
        if (error == Errno.None)
            domain!.IsShutDown = false;
        return error;
    }

    public static Errno SetTarget(RequestContext context)
    {
        var arguments = context.Payload.Strings();
        if (arguments.Count < 2)
            return Errno.EINVAL;
        var domain = context.Store.Domains.Introduced(ToDomain(arguments[0]));
        var target = context.Store.Domains.Introduced(ToDomain(arguments[1]));
        if (domain is null || target is null)
            return Errno.ENOENT;
        domain.Target = target;
        return Errno.None;
    }

    public static Errno IsIntroduced(RequestContext context)
    {
        if (context.Payload.Single is not { } argument)
            return Errno.EINVAL;
        var domain = ToDomain(argument);
        return context.Answer(domain == DomId.Self || context.Store.Domains.Introduced(domain) is not null ? "T" : "F");
    }

    /// <summary>Says where a domain's home would be, whether or not there is such a domain.</summary>
    public static Errno GetPath(RequestContext context)
        => context.Payload.Single is { } argument ? context.Answer($"/local/domain/{Numbers.ToUnsigned(argument)}") : Errno.EINVAL;

    /// <summary>The introduced domain that a request names, who is not Dom0.</summary>
    private static Errno FindGuest(RequestContext context, out StoreDomain? domain)
    {
        domain = null;
        if (context.Payload.Single is not { } argument)
            return Errno.EINVAL;
        var id = ToDomain(argument);
        if (id == DomId.Dom0)
            return Errno.EINVAL;
        domain = context.Store.Domains.Introduced(id);
        return domain is null ? Errno.ENOENT : Errno.None;
    }

    internal static DomId ToDomain(string text)
    {
        var number = Numbers.ToUnsigned(text);
        return number <= DomId.Self.Value ? new DomId((ushort)number) : DomId.Invalid;
    }
}
