using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>
/// How a front end meets its back end in the store (<c>public/io/blkif.h</c>, as Linux's front end does it): offers rings, follows the back
/// end's state, and connects again when it comes back.
/// </summary>
/// <remarks>One loop, in turns; whatever changed, it looks at the states of both ends and does the next step.</remarks>
internal sealed class BlockConnection(GuestContext guest, BlockFrontend disk, BlockFrontendOptions options, GrantedFrames lingering)
{
    private readonly EventSignal _changed = new();
    private readonly string _node = $"device/vbd/{disk.Number}";
    private XenbusState _state = XenbusState.Initialising;
    private XenbusEnd? _end;
    private IXenStoreWatch? _peerWatch;
    private BlockRingOffer? _offer;
    private string? _lost;
    private bool _closing;

    /// <summary>Connects and follows, until the disk is over.</summary>
    public async Task RunAsync()
    {
        await using var watch = await guest.XenStore.WatchAsync(_node);
        guest.Spawn(() => FollowAsync(watch));
        try
        {
            while (disk.State != BlockFrontendState.Ended && await _changed.WaitAsync())
                await StepAsync();
        }
        finally
        {
            if (_peerWatch is not null)
                await _peerWatch.DisposeAsync();
        }
    }

    /// <summary>Something may have changed.</summary>
    public void Look() => _changed.Set();

    /// <summary>The guest gives the disk up.</summary>
    public void Close()
    {
        _closing = true;
        disk.Pause();
        Look();
    }

    /// <summary>The back end cannot be trusted any more.</summary>
    public void Lose(string reason)
    {
        _lost ??= reason;
        Look();
    }

    private async Task FollowAsync(IXenStoreWatch watch)
    {
        await foreach (var _ in watch.Events)
            Look();
    }

    private async Task StepAsync()
    {
        if (await FindBackEndAsync() is not { } end)
        {
            disk.End("the device was removed");
            return;
        }
        try
        {
            if (_lost is { } reason)
                await FailAsync(end, reason);
            else if (_closing)
                await CloseAsync(end);
            else
                await FollowAsync(end, await end.GetPeerStateAsync());
        }
        catch (Exception failure) when (failure is BlockException or HypercallException or OutOfMemoryException or XenStoreException { Error: not Errno.ENOENT })
        {
            await FailAsync(end, failure.Message);
        }
    }

    /// <summary>The back end that the node names now; null: there is no such node any more.</summary>
    private async Task<XenbusEnd?> FindBackEndAsync()
    {
        if (await guest.XenStore.ReadAsync($"{_node}/backend") is not { } path)
            return null;
        if (!XenbusDevice.TryParseBackEnd(path, out var device) || device.Value.FrontEnd != guest.Domain || device.Value.Id != (uint)disk.Number)
            return null;
        if (_end?.PeerPath == path)
            return _end;
        if (_peerWatch is not null)
            await _peerWatch.DisposeAsync();
        _end = XenbusEnd.FrontEnd(guest.XenStore, device.Value);
        _peerWatch = await _end.WatchPeerStateAsync();
        guest.Spawn(() => FollowAsync(_peerWatch));
        // What another kernel of the domain left here is none of the back end's business any more.
        if (await _end.GetStateAsync() != XenbusState.Initialising)
            await SwitchAsync(_end, XenbusState.Initialising);
        return _end;
    }

    private Task FollowAsync(XenbusEnd end, XenbusState peer) => peer switch
    {
        XenbusState.InitWait when _state != XenbusState.Initialised => OfferAsync(end),
        XenbusState.Connected when _state == XenbusState.Initialised => ConnectAsync(end),
        XenbusState.Connected when _state == XenbusState.Connected => DescribeAsync(end),
        XenbusState.Closing => DrainAsync(end),
        XenbusState.Closed => LeaveAsync(end),
        XenbusState.Unknown or XenbusState.Initialising when _state != XenbusState.Initialising => RestartAsync(end),
        _ => Task.CompletedTask,
    };

    private async Task OfferAsync(XenbusEnd end)
    {
        disk.Disconnect();
        disk.ServedBy(end.Device.BackEnd);
        _offer = await BlockRingOffer.MakeAsync(guest, end, options, lingering, disk);
        disk.UseQueues(_offer.Queues);
        await SwitchAsync(end, XenbusState.Initialised, _offer.Nodes);
    }

    private async Task ConnectAsync(XenbusEnd end)
    {
        var features = await ReadFeaturesAsync(end);
        await SwitchAsync(end, XenbusState.Connected);
        disk.Statistics.Connections++;
        disk.Resume(features);
    }

    private async Task DescribeAsync(XenbusEnd end) => disk.Describe(await ReadFeaturesAsync(end));

    private Task<DiskFeatures> ReadFeaturesAsync(XenbusEnd end)
        => DiskFeatures.ReadAsync(guest.XenStore, end.PeerPath, options, _offer!.Queues.Length, _offer.Queues[0].Size);

    /// <summary>The back end wants to go: it answers what it has, then the rings are given up.</summary>
    private async Task DrainAsync(XenbusEnd end)
    {
        disk.Pause();
        if (disk.Outstanding > 0 || _state == XenbusState.Closed)
            return;
        disk.Disconnect();
        await SwitchAsync(end, XenbusState.Closed);
        if (!await IsOnlineAsync(end))
            disk.End("the back end closed the device");
    }

    /// <summary>The back end is gone: for good, or to come back.</summary>
    private async Task LeaveAsync(XenbusEnd end)
    {
        disk.Disconnect();
        if (!await IsOnlineAsync(end))
        {
            await SwitchAsync(end, XenbusState.Closed);
            disk.End("the back end closed the device");
        }
        else if (_state != XenbusState.Initialising)
        {
            await RestartAsync(end);
        }
    }

    /// <summary>Tells a back end that begins anew, or one that will, that this end begins anew, too.</summary>
    private async Task RestartAsync(XenbusEnd end)
    {
        disk.Disconnect();
        await SwitchAsync(end, XenbusState.Initialising);
    }

    private async Task CloseAsync(XenbusEnd end)
    {
        if (disk.Outstanding > 0 && await end.GetPeerStateAsync() == XenbusState.Connected)
            return;
        if (_state is XenbusState.Connected or XenbusState.Initialised)
            await SwitchAsync(end, XenbusState.Closing);
        if (await end.GetPeerStateAsync() is XenbusState.Connected)
            return;
        disk.Disconnect();
        await SwitchAsync(end, XenbusState.Closed);
        disk.End("the guest closed it");
    }

    private async Task FailAsync(XenbusEnd end, string reason)
    {
        disk.Disconnect();
        try
        {
            await end.ReportAsync(Errno.EIO, reason);
        }
        catch (XenStoreException failure) when (failure.Error == Errno.EACCES)
        {
            // The toolstack gave the domain no place to complain.
        }
        await SwitchAsync(end, XenbusState.Closing);
        await SwitchAsync(end, XenbusState.Closed);
        disk.End(reason);
    }

    private static async Task<bool> IsOnlineAsync(XenbusEnd end) => await end.ReadPeerAsync("online") == "1";

    /// <summary>Writes this end's state; a node that the toolstack has removed meanwhile is seen at the next look.</summary>
    private async Task SwitchAsync(XenbusEnd end, XenbusState state, params IReadOnlyList<(string Node, string Value)> nodes)
    {
        _state = state;
        if (!await end.TrySwitchAsync(state, nodes))
            Look();
    }
}
