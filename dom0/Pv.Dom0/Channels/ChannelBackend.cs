using System.Collections.Concurrent;
using System.Globalization;
using Pv.Abi;
using Pv.Backends;
using Pv.Dom0.Consoles;
using Pv.Guest;

namespace Pv.Dom0.Channels;

/// <summary>
/// The back end of channels: consoles beside a domain's first (<c>device/console/N</c>), each a socket of the host or a console that <c>xl</c>
/// attaches to, as <c>connection</c> in its nodes says.
/// </summary>
/// <param name="kernel">Dom0's kernel.</param>
/// <param name="store">A client of the store for this back end alone.</param>
/// <param name="consoles">Where those for <c>xl</c> are.</param>
/// <param name="log">Gets a line when a channel connects or is given up.</param>
/// <remarks>Any thread.</remarks>
public sealed class ChannelBackend(Dom0Kernel kernel, IXenStore store, ConsoleDaemon consoles, Action<string> log) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<XenbusDevice, ChannelDevice> _devices = new();

    /// <summary>Begins to serve the channels of a new domain, whose nodes are there; programs can connect when this completes.</summary>
    /// <exception cref="IOException">A socket cannot be had. What was begun is ended with the domain.</exception>
    public async Task OpenAsync(DomId domain)
    {
        foreach (var name in await store.ListAsync(string.Create(CultureInfo.InvariantCulture, $"/local/domain/0/backend/console/{domain.Value}")) ?? [])
        {
            // The first console is the console daemon's.
            if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0)
                await OpenAsync(new XenbusDevice("console", domain, DomId.Dom0, number));
        }
    }

    /// <summary>Lets go of a domain's channels: when this completes, nothing of the domain is mapped, and its sockets are gone.</summary>
    public Task EndDomainAsync(DomId domain)
        => Task.WhenAll(_devices.Values.Where(device => device.Device.FrontEnd == domain).Select(device => device.EndWithDomainAsync()));

    public async ValueTask DisposeAsync() => await Task.WhenAll(_devices.Values.Select(device => device.EndWithDomainAsync()));

    private async Task OpenAsync(XenbusDevice device)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"channel {device.Id} of domain {device.FrontEnd.Value}");
        var path = await store.ReadAsync($"{device.BackEndPath}/path");
        if (path is not null)
            await TakeOverAsync(path);
        var lines = new LineLimit(log);
        Action<string> say = line => lines.Write($"{name}: {line}");
        var line = new ChannelLine();
        IChannelPort port = path is null ? new ChannelTerminal(consoles, device.FrontEnd, (int)device.Id, line) : new ChannelSocket(path, name, line, say);
        var served = new ChannelDevice(kernel, store, device, line, port, say) { Path = path };
        _devices[device] = served;
        served.Start(() => _devices.TryRemove(new KeyValuePair<XenbusDevice, ChannelDevice>(device, served)));
        served.Look();
    }

    /// <summary>A domain that has shut down and is kept leaves its sockets to its successor.</summary>
    private async Task TakeOverAsync(string path)
    {
        foreach (var device in _devices.Values.Where(device => device.Path == path))
        {
            if (kernel.Hypercalls.GetDomainInfo(device.Device.FrontEnd, out var info) == Errno.None && (info.Flags & DomainInfoFlags.Shutdown) != 0)
                await device.EndWithDomainAsync();
        }
    }
}
