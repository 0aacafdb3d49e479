using System.Globalization;
using Pv.Abi;
using Pv.Backends.Storage;
using Pv.Guest;

namespace Pv.Backends.Block;

/// <summary>
/// One virtual disk, from the toolstack's nodes to their removal. It acts by what the store says now, not by what changed: each look
/// compares both ends' states with what is open here, and takes one step towards agreement.
/// </summary>
/// <remarks>One look at a time; <see cref="Look"/> asks for one from any thread.</remarks>
internal sealed class BlockDevice
{
    private readonly Dom0Kernel _kernel;
    private readonly IXenStore _store;
    private readonly BlockBackendOptions _options;
    private readonly Action<string> _log;
    private readonly XenbusEnd _end;
    private readonly EventSignal _wanted = new();
    private readonly string _threads;
    private BlockMedium? _medium;
    private BlockConnection? _connection;

    // What connections before this one have done; locked.
    private readonly BlockCounts[] _before = new BlockCounts[1];
    private string? _source;
    private string? _fault;
    private string? _shownFault;
    private ulong _shownSectors;

    // As this look read it, or wrote it.
    private XenbusState _own;
    private volatile bool _isEnding;
    private Task _running = Task.CompletedTask;

    public BlockDevice(Dom0Kernel kernel, IXenStore store, XenbusDevice device, BlockBackendOptions options, Action<string> log)
    {
        (_kernel, _store, _options) = (kernel, store, options);
        Device = device;
        _end = XenbusEnd.BackEnd(store, device);
        _threads = string.Create(CultureInfo.InvariantCulture, $"vbd {device.FrontEnd.Value}-{device.Id}");
        var lines = new LineLimit(log);
        _log = line => lines.Write(string.Create(CultureInfo.InvariantCulture, $"domain {device.FrontEnd.Value}, disk {device.Id}: {line}"));
    }

    public XenbusDevice Device { get; }

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

    /// <summary>Begins; <paramref name="ended"/> is called when the device is no more.</summary>
    public void Start(Action<BlockDevice> ended) => _running = Task.Run(() => RunAsync(ended));

    /// <summary>Something changed in the store, or may have.</summary>
    public void Look() => _wanted.Set();

    /// <summary>Lets go of the guest and of the storage. The store keeps what it says.</summary>
    public Task EndAsync()
    {
        _isEnding = true;
        _wanted.Set();
        return _running;
    }

    private async Task RunAsync(Action<BlockDevice> ended)
    {
        try
        {
            await using var watch = await _end.WatchPeerStateAsync().ConfigureAwait(false);
            var watching = FollowAsync(watch);
            while (!_isEnding && await LookOnceAsync().ConfigureAwait(false))
                await _wanted.WaitAsync().ConfigureAwait(false);
            // What was said of a device goes with it.
            if (await _end.ReadAsync("state").ConfigureAwait(false) is null)
                await _end.ClearReportAsync().ConfigureAwait(false);
            await watch.DisposeAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is ObjectDisposedException or OperationCanceledException)
        {
            // The store stopped, and with it this host.
        }
        catch (Exception failure)
        {
            _log($"the back end gives the device up: {failure}");
        }
        finally
        {
            await LetGoAsync().ConfigureAwait(false);
            ended(this);
        }
    }

    /// <summary>Nothing of the guest or of the storage is held after this, whatever the store says.</summary>
    private async Task LetGoAsync()
    {
        try
        {
            await DisconnectAsync().ConfigureAwait(false);
            await CloseMediumAsync().ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            _log($"the back end could not let go of the device: {failure}");
        }
    }

    private async Task FollowAsync(IXenStoreWatch watch)
    {
        await foreach (var _ in watch.Events.ConfigureAwait(false))
            _wanted.Set();
    }

    /// <summary>One look. False: the toolstack has removed the device.</summary>
    private async Task<bool> LookOnceAsync()
    {
        if (await _end.ReadAsync("state").ConfigureAwait(false) is not { } text)
            return false;
        _own = XenbusEnd.Parse(text);
        try
        {
            if (!await FollowMediumAsync().ConfigureAwait(false))
                return true;
            await FollowFrontEndAsync().ConfigureAwait(false);
            await FollowLengthAsync().ConfigureAwait(false);
            await FollowStorageAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is FormatException or GrantException or HypercallException)
        {
            await GiveUpAsync(failure is HypercallException { Errno: var errno } ? errno : Errno.EINVAL, failure.Message).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not (ObjectDisposedException or OperationCanceledException))
        {
            await GiveUpAsync(Errno.EIO, $"the back end failed: {failure.Message}").ConfigureAwait(false);
            _log(failure.ToString());
        }
        return true;
    }

    /// <summary>Opens what the toolstack wants, and another when it wants another disc. False: there is nothing to serve.</summary>
    private async Task<bool> FollowMediumAsync()
    {
        var wanted = await DeviceNodes.ReadAsync(_end).ConfigureAwait(false);
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
            _log(failure.Message);
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
        if (before is null && _own is XenbusState.Initialising or XenbusState.Unknown)
            await InviteAsync().ConfigureAwait(false);
        return true;
    }

    private async Task FollowFrontEndAsync()
    {
        var isOnline = await _end.ReadAsync("online").ConfigureAwait(false) is not "0";
        var front = await _end.GetPeerStateAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _fault, null) is { } fault)
        {
            await GiveUpAsync(Errno.EINVAL, fault).ConfigureAwait(false);
            return;
        }
        switch (front)
        {
            // After its closing was asked for, or it was given up, the front end closes first.
            case XenbusState.Initialised or XenbusState.Connected when _own is not (XenbusState.Closing or XenbusState.Closed):
                await ConnectAsync().ConfigureAwait(false);
                break;
            case XenbusState.Initialising when isOnline:
                await DisconnectAsync().ConfigureAwait(false);
                // One that had closed begins again: another kernel after a boot loader, a driver that was loaded anew.
                if (_own is XenbusState.Closed or XenbusState.Closing or XenbusState.Connected)
                    await InviteAsync().ConfigureAwait(false);
                break;
            case XenbusState.Closing:
                if (_own is not (XenbusState.Closing or XenbusState.Closed))
                    await SwitchAsync(XenbusState.Closing).ConfigureAwait(false);
                break;
            case XenbusState.Closed or XenbusState.Unknown:
            case XenbusState.Initialising:
                await DisconnectAsync().ConfigureAwait(false);
                // Whoever takes the disk away may give it to another when this is seen.
                if (!isOnline)
                    await CloseMediumAsync().ConfigureAwait(false);
                if (_own != XenbusState.Closed)
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
        var offer = await BlockOffer.ReadAsync(_end, _options, persistent).ConfigureAwait(false);
        if (_connection?.Key == offer.Key)
            return;
        await DisconnectAsync().ConfigureAwait(false);
        var medium = _medium!;
        _connection = BlockConnection.Open(_kernel, offer, Device.FrontEnd, medium, _threads, NoteFault);
        await _end.ClearReportAsync().ConfigureAwait(false);
        _shownFault = null;
        _shownSectors = medium.Sectors;
        await SwitchAsync(XenbusState.Connected, [.. FeaturesOf(medium, persistent), .. LengthOf(medium)]).ConfigureAwait(false);
        _connection.Start(medium);
        _log(string.Create(
            CultureInfo.InvariantCulture,
            $"connected, {offer.Queues.Count} ring(s) of {offer.Queues[0].RingRefs.Count} page(s){(offer.IsPersistent ? ", persistent grants" : "")}"));
    }

    private async Task DisconnectAsync()
    {
        if (_connection is not { } connection)
            return;
        _connection = null;
        await connection.CloseAsync().ConfigureAwait(false);
        var counts = connection.Counts with { RingEntries = 0 };
        lock (_before)
            _before[0].Add(counts);
        _log("disconnected");
    }

    private async Task CloseMediumAsync()
    {
        var storage = _medium?.Storage;
        _medium = null;
        if (storage is not null)
            await storage.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A ring is lost. On the ring's thread.</summary>
    private void NoteFault(string reason)
    {
        Interlocked.CompareExchange(ref _fault, reason, null);
        _wanted.Set();
    }

    /// <summary>The front end did what cannot be: it loses the device until it begins anew.</summary>
    private async Task GiveUpAsync(Errno error, string reason)
    {
        _log($"the device is closed: {reason}");
        await DisconnectAsync().ConfigureAwait(false);
        await _end.ReportAsync(error, reason).ConfigureAwait(false);
        await SwitchAsync(XenbusState.Closing).ConfigureAwait(false);
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
            await _end.ClearReportAsync().ConfigureAwait(false);
        else
            await _end.ReportAsync(Errno.EIO, fault).ConfigureAwait(false);
    }

    private Task TellLengthAsync()
    {
        _shownSectors = _medium!.Sectors;
        // A front end that is leaving must not be told that it is connected.
        return _own == XenbusState.Connected ? SwitchAsync(XenbusState.Connected, LengthOf(_medium)) : Task.CompletedTask;
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

    /// <summary>Writes the state and nodes, unless the toolstack has written another state since this look began: then there is another look.</summary>
    private async Task SwitchAsync(XenbusState state, params IReadOnlyList<(string, string)> nodes)
    {
        if (await _end.TrySwitchAsync(_own, state, nodes).ConfigureAwait(false))
            _own = state;
        else
            Look();
    }

    /// <summary>Writes nodes of the device, unless it was removed.</summary>
    private Task WriteAsync(params (string Node, string Value)[] nodes) => _store.TransactAsync(async transaction =>
    {
        if (await transaction.ReadAsync($"{_end.Path}/state").ConfigureAwait(false) is null)
            return;
        foreach (var (node, value) in nodes)
            await transaction.WriteAsync($"{_end.Path}/{node}", value).ConfigureAwait(false);
    });
}
