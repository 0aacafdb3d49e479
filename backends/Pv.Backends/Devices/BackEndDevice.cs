using Pv.Abi;
using Pv.Guest;

namespace Pv.Backends.Devices;

/// <summary>
/// The back end of one split device, from the toolstack's nodes to their removal. It acts by what the store says now, not by what changed:
/// each look compares both ends' states with what is open here, and takes one step towards agreement.
/// </summary>
/// <remarks>One look at a time; <see cref="Look"/> asks for one from any thread.</remarks>
public abstract class BackEndDevice
{
    private readonly EventSignal _wanted = new();
    private volatile bool _isEnding;
    private string? _fault;
    private Task _running = Task.CompletedTask;

    /// <param name="store">A client of the store.</param>
    /// <param name="device">Its names.</param>
    /// <param name="log">Gets a line when it is given up.</param>
    protected BackEndDevice(IXenStore store, XenbusDevice device, Action<string> log)
    {
        Device = device;
        End = XenbusEnd.BackEnd(store, device);
        Log = log;
    }

    public XenbusDevice Device { get; }

    protected XenbusEnd End { get; }

    protected Action<string> Log { get; }

    /// <summary>This end's state, as this look read it, or wrote it.</summary>
    protected XenbusState Own { get; private set; }

    /// <summary>Begins; <paramref name="ended"/> is called when the device is no more.</summary>
    public void Start(Action ended) => _running = Task.Run(() => RunAsync(ended));

    /// <summary>Something changed in the store, or may have.</summary>
    public void Look() => _wanted.Set();

    /// <summary>Lets go of the guest and of what serves it. The store keeps what it says.</summary>
    public Task EndAsync()
    {
        _isEnding = true;
        _wanted.Set();
        return _running;
    }

    /// <summary>One step, by what the store says now.</summary>
    protected abstract Task LookAsync();

    /// <summary>Lets go of the front end.</summary>
    protected abstract Task DisconnectAsync();

    /// <summary>Nothing of the guest or of what serves it is held after this, whatever the store says.</summary>
    protected abstract Task LetGoAsync();

    /// <summary>A ring is lost: the next look gives the front end up. Any thread.</summary>
    protected void NoteFault(string reason)
    {
        Interlocked.CompareExchange(ref _fault, reason, null);
        Look();
    }

    /// <summary>The front end did what cannot be: it loses the device until it begins anew.</summary>
    protected async Task GiveUpAsync(Errno error, string reason)
    {
        Log($"the device is closed: {reason}");
        await DisconnectAsync().ConfigureAwait(false);
        await End.ReportAsync(error, reason).ConfigureAwait(false);
        await SwitchAsync(XenbusState.Closing).ConfigureAwait(false);
    }

    /// <summary>Writes the state and nodes, unless the toolstack has written another state since this look began: then there is another look.</summary>
    protected async Task SwitchAsync(XenbusState state, params IReadOnlyList<(string, string)> nodes)
    {
        if (await End.TrySwitchAsync(Own, state, nodes).ConfigureAwait(false))
            Own = state;
        else
            Look();
    }

    private async Task RunAsync(Action ended)
    {
        try
        {
            await using var watch = await End.WatchPeerStateAsync().ConfigureAwait(false);
            var watching = FollowAsync(watch);
            while (!_isEnding && await LookOnceAsync().ConfigureAwait(false))
                await _wanted.WaitAsync().ConfigureAwait(false);
            // What was said of a device goes with it.
            if (await End.ReadAsync("state").ConfigureAwait(false) is null)
                await End.ClearReportAsync().ConfigureAwait(false);
            await watch.DisposeAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is ObjectDisposedException or OperationCanceledException)
        {
            // The store stopped, and with it this host.
        }
        catch (Exception failure)
        {
            Log($"the back end gives the device up: {failure}");
        }
        finally
        {
            await TryLetGoAsync().ConfigureAwait(false);
            ended();
        }
    }

    private async Task TryLetGoAsync()
    {
        try
        {
            await LetGoAsync().ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            Log($"the back end could not let go of the device: {failure}");
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
        if (await End.ReadAsync("state").ConfigureAwait(false) is not { } text)
            return false;
        Own = XenbusEnd.Parse(text);
        try
        {
            if (Interlocked.Exchange(ref _fault, null) is { } fault)
                await GiveUpAsync(Errno.EINVAL, fault).ConfigureAwait(false);
            await LookAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is FormatException or GrantException or HypercallException)
        {
            await GiveUpAsync(failure is HypercallException { Errno: var errno } ? errno : Errno.EINVAL, failure.Message).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not (ObjectDisposedException or OperationCanceledException))
        {
            await GiveUpAsync(Errno.EIO, $"the back end failed: {failure.Message}").ConfigureAwait(false);
            Log(failure.ToString());
        }
        return true;
    }
}
