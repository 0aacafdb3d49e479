using System.Globalization;
using Pv.Abi;
using Pv.Config.Devices;
using Pv.Guest;
using Pv.Toolstack.Channels;

namespace Pv.Toolstack.Domains;

/// <content>The channels of domains: announced in xenstore before the domain runs.</content>
public sealed partial class XenDomains : IChannels
{
    public async Task<IReadOnlyList<ChannelView>> ListChannelsAsync(DomId domain)
    {
        var views = new List<ChannelView>();
        foreach (var text in await _store.ListAsync($"/libxl/{domain.Value}/device/console") ?? [])
        {
            // What has a name is a channel; the first console has none.
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || await _store.ReadAsync($"/libxl/{domain.Value}/device/console/{text}/name") is not { } name)
                continue;
            var device = ChannelNodes.Device(domain, number);
            var path = await _store.ReadAsync($"{DeviceNodes.LibxlPath(device)}/path");
            views.Add(new ChannelView(number, name, DomId.Dom0, XenbusEnd.Parse(await _store.ReadAsync($"{device.FrontEndPath}/state")),
                await NumberAsync(device, "port"), await NumberAsync(device, "ring-ref"), path is null ? ChannelConnection.Pty : ChannelConnection.Socket,
                path ?? await _store.ReadAsync($"{device.FrontEndPath}/tty") ?? ""));
        }
        views.Sort((one, other) => one.Number.CompareTo(other.Number));
        return views;
    }

    private Task AnnounceChannelsAsync(DomId domain, IReadOnlyList<ChannelPlan> plans) => plans.Count == 0 ? Task.CompletedTask : _store.TransactAsync(async nodes =>
    {
        foreach (var plan in plans)
            await ChannelNodes.MakeAsync(nodes, domain, plan);
    });
}
