using System.Globalization;
using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Channels;

/// <summary>A channel's nodes in xenstore, as libxl makes them. <c>tty</c> stays empty: no terminal of the host stands behind a channel.</summary>
internal static class ChannelNodes
{
    public static XenbusDevice Device(DomId domain, int number) => new("console", domain, DomId.Dom0, (uint)number);

    /// <summary>Announces a channel to both ends.</summary>
    public static Task MakeAsync(IXenStoreNodes nodes, DomId domain, ChannelPlan plan)
        => DeviceNodes.MakeAsync(nodes, Device(domain, plan.Number),
            [("backend-id", "0"), ("state", "1"), ("protocol", "vt100")],
            [
                ("name", plan.Name),
                ("limit", "1048576"),
                ("type", "ioemu"),
                ("output", plan.Path is null ? "pty" : string.Create(CultureInfo.InvariantCulture, $"chardev:libxl-channel{plan.Index}")),
                ("tty", ""),
            ],
            [
                ("frontend-id", domain.Value.ToString(CultureInfo.InvariantCulture)),
                ("online", "1"),
                ("state", "1"),
                ("protocol", "vt100"),
                ("name", plan.Name),
                ("connection", plan.Path is null ? "pty" : "socket"),
                .. plan.Path is { } path ? [("path", path)] : ((string, string)[])[],
            ]);
}
