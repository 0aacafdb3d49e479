using System.Globalization;
using Pv.Abi;
using Pv.Backends.Devices;
using Pv.Dom0.Consoles;
using Pv.Guest;
using ConsoleRing = Pv.Dom0.Consoles.ConsoleRing;

namespace Pv.Dom0.Channels;

/// <summary>
/// The back end of a channel: a console ring that the guest's driver grants by xenbus (<c>device/console/N</c> with N above 0), between it and
/// <see cref="IChannelPort"/>. A driver whose indices cannot be true loses its ring until it begins anew.
/// </summary>
internal sealed class ChannelDevice : BackEndDevice, IConsoleListener
{
    private readonly Dom0Kernel _kernel;
    private readonly ChannelLine _line;
    private readonly IChannelPort _port;
    private ConsoleRing? _ring;
    private (GrantRef Page, EventPort Port) _offer;

    /// <param name="kernel">Dom0's kernel.</param>
    /// <param name="store">A client of the store.</param>
    /// <param name="device">Its names.</param>
    /// <param name="line">Where <paramref name="port"/> writes; the device's from now on.</param>
    /// <param name="port">This side of it; the device's from now on.</param>
    /// <param name="log">Gets a line when it connects, or is given up.</param>
    public ChannelDevice(Dom0Kernel kernel, IXenStore store, XenbusDevice device, ChannelLine line, IChannelPort port, Action<string> log)
        : base(store, device, log)
        => (_kernel, _line, _port) = (kernel, line, port);

    /// <summary>Its socket's path, or null.</summary>
    public string? Path { get; init; }

    public ValueTask HearAsync(ReadOnlyMemory<byte> bytes) => _port.HearAsync(bytes);

    public void Break(string reason) => NoteFault(reason);

    /// <summary>Ends it as its domain does.</summary>
    public Task EndWithDomainAsync()
    {
        _port.BeginEnd();
        return EndAsync();
    }

    protected override async Task LookAsync()
    {
        switch (await End.GetPeerStateAsync())
        {
            // Told to close, the driver closes first.
            case XenbusState.Initialised or XenbusState.Connected when Own is not (XenbusState.Closing or XenbusState.Closed):
                await ConnectAsync();
                break;
            case XenbusState.Initialising:
                await DisconnectAsync();
                if (Own != XenbusState.InitWait)
                    await SwitchAsync(XenbusState.InitWait);
                break;
            case XenbusState.Closing when Own is not (XenbusState.Closing or XenbusState.Closed):
                await SwitchAsync(XenbusState.Closing);
                break;
            case XenbusState.Closed or XenbusState.Unknown:
                await DisconnectAsync();
                if (Own != XenbusState.Closed)
                    await SwitchAsync(XenbusState.Closed);
                break;
        }
    }

    protected override async Task DisconnectAsync()
    {
        if (_ring is not { } ring)
            return;
        _ring = null;
        _line.Disconnect(ring);
        await ring.DisposeAsync();
        Log("disconnected");
    }

    protected override async Task LetGoAsync()
    {
        await DisconnectAsync();
        await _line.DisposeAsync();
        await _port.DisposeAsync();
    }

    private async Task ConnectAsync()
    {
        var offer = (new GrantRef(await NumberAsync("ring-ref")), new EventPort(await NumberAsync("port")));
        if (_ring is not null && offer == _offer)
            return;
        await DisconnectAsync();
        _ring = new ConsoleRing(this, new Dom0ConsoleChannel(_kernel, Device.FrontEnd, offer.Item1, offer.Item2));
        _offer = offer;
        await End.ClearReportAsync();
        await SwitchAsync(XenbusState.Connected);
        _line.Connect(_ring);
        Log(string.Create(CultureInfo.InvariantCulture, $"connected, ring {offer.Item1.Value}, port {offer.Item2.Value}"));
    }

    private async Task<uint> NumberAsync(string node) => await End.ReadPeerNumberAsync(node) ?? throw new FormatException($"{End.PeerPath}/{node} is not there");
}
