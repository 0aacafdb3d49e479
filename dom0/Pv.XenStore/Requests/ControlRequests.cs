using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Words to the daemon itself, from its administrator. Those that it does not know are EINVAL.</summary>
internal static class ControlRequests
{
    private const string Commands = "check\t\nlog\ton|off\nprint\t<string>\nquota\t\nhelp\t\n";

    public static Errno Control(RequestContext context)
    {
        var words = context.Payload.Strings();
        return words switch
        {
            ["check"] => Errno.None,
            ["help"] => context.Answer(Commands),
            ["quota"] => context.Answer(Quotas()),
            ["print", var text] => Print(context, text),
            ["log", "on"] => Trace(context, true),
            ["log", "off"] => Trace(context, false),
            _ => Errno.EINVAL,
        };
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

    private static string Quotas()
    {
        static string Row(string name, int value, string what) => $"{name,-17}: {value,8} {what}\n";

        return "Quota settings:\n"
            + Row("nodes", StoreQuotas.Nodes, "Nodes per domain")
            + Row("watches", StoreQuotas.Watches, "Watches per domain")
            + Row("transactions", StoreQuotas.Transactions, "Transactions per domain")
            + Row("outstanding", StoreQuotas.Outstanding, "Outstanding requests per domain")
            + Row("transaction-nodes", StoreQuotas.TransactionNodes, "Max. number of accessed nodes per transaction")
            + Row("node-size", StoreQuotas.NodeBytes, "Max. size of a node")
            + Row("path-max", XenStoreLimits.RelativePathBytes, "Max. length of a node path")
            + Row("permissions", StoreQuotas.Permissions, "Max. number of permissions per node");
    }
}
