using System.Collections.Concurrent;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Backends.Block;

/// <summary>
/// The block back end of a host (<c>public/io/blkif.h</c>): serves every disk that a toolstack announces below
/// <c>/local/domain/0/backend/vbd</c>.
/// </summary>
/// <remarks>
/// It knows nothing but the store: one that begins where another ended takes up the rings where that one left them. Disposing lets go of
/// everything and leaves the store as it is.
/// </remarks>
public sealed class BlockBackend : IAsyncDisposable
{
    private const string Root = "/local/domain/0/backend/vbd";

    private readonly ConcurrentDictionary<XenbusDevice, BlockDevice> _devices = new();
    private readonly Dom0Kernel _kernel;
    private readonly IXenStore _store;
    private readonly BlockBackendOptions _options;
    private readonly Action<string> _log;
    private readonly Lock _lock = new();
    private IXenStoreWatch? _watch;
    private Task _following = Task.CompletedTask;
    private Timer? _lengths;
    private bool _isEnding;

    /// <param name="kernel">Dom0's kernel.</param>
    /// <param name="store">A client of the store for this back end alone.</param>
    /// <param name="options">Limits, and what opens storages.</param>
    /// <param name="log">Gets a line when a device connects, closes or fails.</param>
    public BlockBackend(Dom0Kernel kernel, IXenStore store, BlockBackendOptions options, Action<string> log)
        => (_kernel, _store, _options, _log) = (kernel, store, options, log);

    /// <summary>What the disks have done so far: by front end and number. Any thread.</summary>
    public IReadOnlyList<(DomId Domain, uint Device, BlockCounts Counts)> Measure()
        => [.. _devices.Values.Select(device => (device.Device.FrontEnd, device.Device.Id, device.Counts)).OrderBy(one => one.FrontEnd).ThenBy(one => one.Id)];

    /// <summary>Begins to serve: what is announced already, and what will be.</summary>
    public async Task StartAsync()
    {
        _watch = await _store.WatchAsync(Root).ConfigureAwait(false);
        _following = FollowAsync(_watch);
        _lengths = new Timer(_ => LookAtAll(), null, _options.ResizePeriod, _options.ResizePeriod);
    }

    /// <summary>
    /// Lets go of a domain's devices, whose nodes the toolstack has removed: when this completes, nothing of the domain is mapped and
    /// nothing is under way.
    /// </summary>
    public Task EndDomainAsync(DomId domain)
    {
        // Under the lock: every device that is known there was started.
        lock (_lock)
            return Task.WhenAll(_devices.Values.Where(device => device.Device.FrontEnd == domain).Select(device => device.EndAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
            _isEnding = true;
        if (_lengths is not null)
            await _lengths.DisposeAsync().ConfigureAwait(false);
        if (_watch is not null)
            await _watch.DisposeAsync().ConfigureAwait(false);
        await _following.ConfigureAwait(false);
        await Task.WhenAll(_devices.Values.Select(device => device.EndAsync())).ConfigureAwait(false);
    }

    private async Task FollowAsync(IXenStoreWatch watch)
    {
        await foreach (var path in watch.Events.ConfigureAwait(false))
        {
            try
            {
                if (path == Root)
                    await FindAllAsync().ConfigureAwait(false);
                else if (XenbusDevice.TryParseBackEnd(path, out var device))
                    LookAt(device.Value);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (Exception failure)
            {
                // Other devices are looked for all the same.
                _log($"the block back end could not look at {path}: {failure.Message}");
            }
        }
    }

    /// <summary>What is announced when the back end begins.</summary>
    private async Task FindAllAsync()
    {
        foreach (var domain in await _store.ListAsync(Root).ConfigureAwait(false) ?? [])
        {
            foreach (var id in await _store.ListAsync($"{Root}/{domain}").ConfigureAwait(false) ?? [])
            {
                if (XenbusDevice.TryParseBackEnd($"{Root}/{domain}/{id}", out var device))
                    LookAt(device.Value);
            }
        }
    }

    private void LookAt(XenbusDevice device)
    {
        lock (_lock)
        {
            if (_isEnding)
                return;
            if (!_devices.TryGetValue(device, out var known))
            {
                known = new BlockDevice(_kernel, _store, device, _options, _log);
                _devices[device] = known;
                var started = known;
                known.Start(() => NoteEnd(started));
            }
            known.Look();
        }
    }

    /// <summary>A device is gone from here; one of the same name may have been announced meanwhile.</summary>
    private void NoteEnd(BlockDevice device)
    {
        _devices.TryRemove(new KeyValuePair<XenbusDevice, BlockDevice>(device.Device, device));
        _ = LookAgainAsync(device.Device);
    }

    private async Task LookAgainAsync(XenbusDevice device)
    {
        try
        {
            if (await _store.ReadAsync($"{device.BackEndPath}/state").ConfigureAwait(false) is not null)
                LookAt(device);
        }
        catch (ObjectDisposedException)
        {
            // The store stopped.
        }
    }

    private void LookAtAll()
    {
        foreach (var device in _devices.Values)
            device.Look();
    }
}
