using System.Globalization;
using Pv.Abi;
using Pv.Backends.Devices;
using Pv.Backends.Storage;
using Pv.Guest;

namespace Pv.Backends.Block;

/// <summary>One virtual disk.</summary>
internal sealed class BlockDevice : BackEndDevice
{
    private readonly Dom0Kernel _kernel;
    private readonly IXenStore _store;
    private readonly BlockBackendOptions _options;
    private readonly string _threads;
    private BlockMedium? _medium;
    private BlockConnection? _connection;

    // What connections before this one have done; locked.
    private readonly BlockCounts[] _before = new BlockCounts[1];
    private string? _source;
    private string? _shownFault;
    private ulong _shownSectors;

    public BlockDevice(Dom0Kernel kernel, IXenStore store, XenbusDevice device, BlockBackendOptions options, Action<string> log)
        : base(store, device, Lines(device, log))
    {
        (_kernel, _store, _options) = (kernel, store, options);
        _threads = string.Create(CultureInfo.InvariantCulture, $"vbd {device.FrontEnd.Value}-{device.Id}");
    }

    /// <summary>What it has done so far, over all connections. Any thread.</summary>
    public BlockCounts Counts
    {
        get
        {
            lock (_before)
            {
                var all = _before[0];
                if (Volatile.Read(ref _connection) is { } connection)
                    all.Add(connection.Counts);
                return all;
            }
        }
    }

    protected override async Task LookAsync()
    {
        if (!await FollowMediumAsync().ConfigureAwait(false))
            return;
        await FollowFrontEndAsync().ConfigureAwait(false);
        await FollowLengthAsync().ConfigureAwait(false);
        await FollowStorageAsync().ConfigureAwait(false);
    }

    protected override async Task LetGoAsync()
    {
        await DisconnectAsync().ConfigureAwait(false);
        await CloseMediumAsync().ConfigureAwait(false);
    }

    private static Action<string> Lines(XenbusDevice device, Action<string> log)
    {
        var lines = new LineLimit(log);
        return line => lines.Write(string.Create(CultureInfo.InvariantCulture, $"domain {device.FrontEnd.Value}, disk {device.Id}: {line}"));
    }

    /// <summary>Opens what the toolstack wants, and another when it wants another disc. False: there is nothing to serve.</summary>
    private async Task<bool> FollowMediumAsync()
    {
        var wanted = await DeviceNodes.ReadAsync(End).ConfigureAwait(false);
        // Several nodes are written one after the other only outside of transactions: without them there is no device yet.
        if (wanted is null)
            return false;
        if (_source == wanted.Source)
            return _medium is not null;
        var before = _medium;
        BlockMedium medium;
        try
        {
            var storage = wanted.Path.Length == 0 ? null
                : await _options.OpenAsync(new StorageRequest(wanted.Format, wanted.Path, wanted.IsReadOnly, wanted.Discards)).ConfigureAwait(false);
            if (storage is not null)
                storage.FaultChanged += Look;
            medium = new BlockMedium(storage, wanted.IsCdrom, wanted.IsRemovable);
        }
        catch (StorageException failure)
        {
            _source = wanted.Source;
            Log(failure.Message);
            await WriteAsync(("hotplug-error", failure.Message), ("hotplug-status", "error")).ConfigureAwait(false);
            return before is not null;
        }
        _source = wanted.Source;
        if (_connection is { } connection)
            await connection.StopAsync().ConfigureAwait(false);
        await CloseMediumAsync().ConfigureAwait(false);
        _medium = medium;
        if (_connection is not null)
        {
            _connection.Start(medium);
            await TellLengthAsync().ConfigureAwait(false);
        }
        await WriteAsync(("hotplug-status", "connected")).ConfigureAwait(false);
        if (before is null && Own is XenbusState.Initialising or XenbusState.Unknown)
            await InviteAsync().ConfigureAwait(false);
        return true;
    }

    private async Task FollowFrontEndAsync()
    {
        var isOnline = await End.ReadAsync("online").ConfigureAwait(false) is not "0";
        var front = await End.GetPeerStateAsync().ConfigureAwait(false);
        switch (front)
        {
            // After its closing was asked for, or it was given up, the front end closes first.
            case XenbusState.Initialised or XenbusState.Connected when Own is not (XenbusState.Closing or XenbusState.Closed):
                await ConnectAsync().ConfigureAwait(false);
                break;
            case XenbusState.Initialising when isOnline:
                await DisconnectAsync().ConfigureAwait(false);
                // One that had closed begins again: another kernel after a boot loader, a driver that was loaded anew.
                if (Own is XenbusState.Closed or XenbusState.Closing or XenbusState.Connected)
                    await InviteAsync().ConfigureAwait(false);
                break;
            case XenbusState.Closing:
                if (Own is not (XenbusState.Closing or XenbusState.Closed))
                    await SwitchAsync(XenbusState.Closing).ConfigureAwait(false);
                break;
            case XenbusState.Closed or XenbusState.Unknown:
            case XenbusState.Initialising:
                if (front == XenbusState.Closed && _connection is { } closing)
                    await closing.DrainAsync().ConfigureAwait(false);
                await DisconnectAsync().ConfigureAwait(false);
                // Whoever takes the disk away may give it to another when this is seen.
                if (!isOnline)
                    await CloseMediumAsync().ConfigureAwait(false);
                if (Own != XenbusState.Closed)
                    await SwitchAsync(XenbusState.Closed).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Says what is on offer, and waits for the front end.</summary>
    private Task InviteAsync() => SwitchAsync(XenbusState.InitWait,
        ("feature-max-indirect-segments", $"{BlockRequests.MaxIndirectSegments}"),
        ("multi-queue-max-queues", $"{_options.MaxQueues}"),
        ("max-ring-page-order", $"{_options.MaxRingPageOrder}"));

    private async Task ConnectAsync()
    {
        var persistent = OffersPersistentGrants();
        var offer = await BlockOffer.ReadAsync(End, _options, persistent).ConfigureAwait(false);
        if (_connection?.Key == offer.Key)
            return;
        await DisconnectAsync().ConfigureAwait(false);
        var medium = _medium!;
        _connection = BlockConnection.Open(_kernel, offer, Device.FrontEnd, medium, _threads, NoteFault);
        await End.ClearReportAsync().ConfigureAwait(false);
        _shownFault = null;
        _shownSectors = medium.Sectors;
        await SwitchAsync(XenbusState.Connected, [.. FeaturesOf(medium, persistent), .. LengthOf(medium)]).ConfigureAwait(false);
        _connection.Start(medium);
        Log(string.Create(
            CultureInfo.InvariantCulture,
            $"connected, {offer.Queues.Count} ring(s) of {offer.Queues[0].RingRefs.Count} page(s){(offer.IsPersistent ? ", persistent grants" : "")}"));
    }

    protected override async Task DisconnectAsync()
    {
        if (_connection is not { } connection)
            return;
        try
        {
            await connection.CloseAsync().ConfigureAwait(false);
        }
        finally
        {
            // At once, so that nobody sees a count go back.
            lock (_before)
            {
                _before[0].Add(connection.Counts with { RingEntries = 0 });
                _connection = null;
            }
        }
        Log("disconnected");
    }

    private async Task CloseMediumAsync()
    {
        var storage = _medium?.Storage;
        _medium = null;
        if (storage is not null)
            await storage.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The medium was made longer or shorter, which the front end reads again when the state is written.</summary>
    private async Task FollowLengthAsync()
    {
        if (_connection is not null && _medium?.Storage is { } storage)
        {
            storage.RefreshCapacity();
            if (_medium.Sectors != _shownSectors)
                await TellLengthAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Shows in the store why the storage does not serve, for as long as it does not.</summary>
    private async Task FollowStorageAsync()
    {
        if (_medium?.Storage?.Fault is var fault && fault == _shownFault)
            return;
        _shownFault = fault;
        if (fault is null)
            await End.ClearReportAsync().ConfigureAwait(false);
        else
            await End.ReportAsync(Errno.EIO, fault).ConfigureAwait(false);
    }

    private Task TellLengthAsync()
    {
        _shownSectors = _medium!.Sectors;
        // A front end that is leaving must not be told that it is connected.
        return Own == XenbusState.Connected ? SwitchAsync(XenbusState.Connected, LengthOf(_medium)) : Task.CompletedTask;
    }

    private bool OffersPersistentGrants() => _options.PersistentGrants switch
    {
        PersistentGrants.Always => true,
        PersistentGrants.Never => false,
        _ => _kernel.Hypercalls.GetDomainInfo(Device.FrontEnd, out var info) == Errno.None && (info.Flags & DomainInfoFlags.HvmGuest) != 0,
    };

    private static (string, string)[] FeaturesOf(BlockMedium medium, bool persistentGrants)
    {
        var flush = medium.Has(BlockFeatures.Flush) ? "1" : "0";
        var discard = medium.Has(BlockFeatures.Discard);
        return
        [
            ("feature-flush-cache", flush),
            .. discard ? [("discard-granularity", Text(medium.Storage!.DiscardGranularity)), ("discard-alignment", "0"), ("discard-secure", "0")] : ((string, string)[])[],
            ("feature-discard", discard ? "1" : "0"),
            ("feature-barrier", flush),
            ("feature-persistent", persistentGrants ? "1" : "0"),
        ];
    }

    private static (string, string)[] LengthOf(BlockMedium medium) =>
    [
        ("sectors", medium.Sectors.ToString(CultureInfo.InvariantCulture)),
        ("info", Text((int)medium.Info)),
        ("sector-size", Text(medium.SectorSize)),
        ("physical-sector-size", Text(medium.PhysicalSectorSize)),
    ];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Writes nodes of the device, unless it was removed.</summary>
    private Task WriteAsync(params (string Node, string Value)[] nodes) => _store.TransactAsync(async transaction =>
    {
        if (await transaction.ReadAsync($"{End.Path}/state").ConfigureAwait(false) is null)
            return;
        foreach (var (node, value) in nodes)
            await transaction.WriteAsync($"{End.Path}/{node}", value).ConfigureAwait(false);
    });
}
