using System.Globalization;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// One end of a split device in the store: its own nodes, those of its peer, and the states by which the two connect
/// (<c>public/io/xenbus.h</c>).
/// </summary>
/// <remarks>
/// Any thread for Dom0, turns for a C# guest. What the peer writes is its claim. Nothing here makes an end's folder: once the toolstack
/// has removed it, switching tells so, and brings nothing back.
/// </remarks>
public sealed class XenbusEnd
{
    private readonly IXenStore _store;
    private readonly string _errorPath;

    private XenbusEnd(IXenStore store, XenbusDevice device, bool isFrontEnd)
    {
        _store = store;
        Device = device;
        (Path, PeerPath) = isFrontEnd ? (device.FrontEndPath, device.BackEndPath) : (device.BackEndPath, device.FrontEndPath);
        _errorPath = isFrontEnd
            ? $"{XenbusDevice.HomeOf(device.FrontEnd)}/error/{device.FrontEndNode}/error"
            : $"{XenbusDevice.HomeOf(device.BackEnd)}/error/{device.BackEndNode}/error";
    }

    public XenbusDevice Device { get; }

    /// <summary>This end's folder.</summary>
    public string Path { get; }

    /// <summary>The other end's folder.</summary>
    public string PeerPath { get; }

    public static XenbusEnd FrontEnd(IXenStore store, XenbusDevice device) => new(store, device, isFrontEnd: true);

    public static XenbusEnd BackEnd(IXenStore store, XenbusDevice device) => new(store, device, isFrontEnd: false);

    /// <summary>A node of this end, or null.</summary>
    public Task<string?> ReadAsync(string node) => _store.ReadAsync($"{Path}/{node}");

    /// <summary>A node of the other end, or null; null, too, where it may not be read.</summary>
    public async Task<string?> ReadPeerAsync(string node)
    {
        try
        {
            return await _store.ReadAsync($"{PeerPath}/{node}");
        }
        catch (XenStoreException failure) when (failure.Error == Errno.EACCES)
        {
            return null;
        }
    }

    /// <summary>A node of the other end as a decimal number, or null where there is none.</summary>
    /// <exception cref="FormatException">It is no such number.</exception>
    public async Task<uint?> ReadPeerNumberAsync(string node)
    {
        if (await ReadPeerAsync(node) is not { } text)
            return null;
        return uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : throw new FormatException($"{PeerPath}/{node} is no number: '{Shorten(text)}'");
    }

    public Task WriteAsync(string node, string value) => _store.WriteAsync($"{Path}/{node}", value);

    public Task WriteAsync(string node, ulong value) => WriteAsync(node, value.ToString(CultureInfo.InvariantCulture));

    public async Task<XenbusState> GetStateAsync() => Parse(await ReadAsync("state"));

    /// <summary>How far the other end is; <see cref="XenbusState.Unknown"/> when it has no state.</summary>
    public async Task<XenbusState> GetPeerStateAsync() => Parse(await ReadPeerAsync("state"));

    /// <summary>
    /// Writes this end's state, after <paramref name="nodes"/> in the same transaction. False: the toolstack has removed this end.
    /// </summary>
    public Task<bool> TrySwitchAsync(XenbusState state, params IReadOnlyList<(string Node, string Value)> nodes) => TrySwitchAsync(null, state, nodes);

    /// <summary>
    /// As <see cref="TrySwitchAsync(XenbusState, IReadOnlyList{ValueTuple{string, string}})"/>, if the state is <paramref name="from"/> still;
    /// the toolstack writes it, too. False: it is not, or the end is removed.
    /// </summary>
    public Task<bool> TrySwitchAsync(XenbusState from, XenbusState to, IReadOnlyList<(string Node, string Value)> nodes)
        => TrySwitchAsync((XenbusState?)from, to, nodes);

    private async Task<bool> TrySwitchAsync(XenbusState? from, XenbusState state, IReadOnlyList<(string Node, string Value)> nodes)
    {
        var isThere = false;
        await _store.TransactAsync(async transaction =>
        {
            var now = await transaction.ReadAsync($"{Path}/state");
            isThere = now is not null && (from is null || Parse(now) == from);
            if (!isThere)
                return;
            foreach (var (node, value) in nodes)
                await transaction.WriteAsync($"{Path}/{node}", value);
            await transaction.WriteAsync($"{Path}/state", ((uint)state).ToString(CultureInfo.InvariantCulture));
        });
        return isThere;
    }

    /// <summary>Says in the store why something failed, where tools look for it: <c>error/…/error</c> in this end's home, the number first.</summary>
    public Task ReportAsync(Errno error, string message) => _store.WriteAsync(_errorPath, $"{(int)error} {message}");

    /// <summary>Takes back what <see cref="ReportAsync"/> said.</summary>
    public async Task ClearReportAsync()
    {
        var path = Above(_errorPath);
        await _store.RemoveAsync(path);
        // The folders above that nobody else reports in.
        for (path = Above(path); !path.EndsWith("/error", StringComparison.Ordinal) && await _store.ListAsync(path) is { Count: 0 }; path = Above(path))
            await _store.RemoveAsync(path);
    }

    /// <summary>A watch on the other end's state. Its first event comes at once.</summary>
    public Task<IXenStoreWatch> WatchPeerStateAsync() => _store.WatchAsync($"{PeerPath}/state");

    /// <summary>Waits until the other end's state is one of those, and returns it.</summary>
    /// <exception cref="OperationCanceledException">The store stopped.</exception>
    public async Task<XenbusState> WaitForPeerAsync(params XenbusState[] states)
    {
        await using var watch = await WatchPeerStateAsync();
        await foreach (var _ in watch.Events)
        {
            if (await GetPeerStateAsync() is var state && states.Contains(state))
                return state;
        }
        throw new OperationCanceledException($"The store stopped while {Path} waited for its peer.");
    }

    /// <summary>A state as the store has it.</summary>
    public static XenbusState Parse(string? text)
        => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= (uint)XenbusState.Reconfigured
            ? (XenbusState)value : XenbusState.Unknown;

    private static string Above(string path) => path[..path.LastIndexOf('/')];

    private static string Shorten(string text) => text.Length <= 40 ? text : $"{text[..40]}…";
}
