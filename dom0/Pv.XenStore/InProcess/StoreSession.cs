using System.Globalization;
using Pv.Abi;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>
/// A privileged client in this process. It asks by the same requests as everybody, with no stream between:
/// a call is queued to the loop, served there, and completed there.
/// </summary>
internal sealed class StoreSession : StoreClient, IXenStore
{
    private readonly Store _store;
    private readonly StoreNodes _nodes;

    /// <summary>Touched on the loop only, as is all below.</summary>
    private readonly Dictionary<string, StoreWatch> _watches = new(StringComparer.Ordinal);

    private StoreCall? _current;
    private int _lastToken;

    public StoreSession(Store store) : base(store.Domains.Dom0)
    {
        _store = store;
        _nodes = new StoreNodes(this, 0);
    }

    public Task<string?> ReadAsync(string path) => _nodes.ReadAsync(path);

    public Task<IReadOnlyList<string>?> ListAsync(string path) => _nodes.ListAsync(path);

    public Task WriteAsync(string path, string value) => _nodes.WriteAsync(path, value);

    public Task MakeDirectoryAsync(string path) => _nodes.MakeDirectoryAsync(path);

    public Task RemoveAsync(string path) => _nodes.RemoveAsync(path);

    public Task<IReadOnlyList<XenStorePermission>> GetPermissionsAsync(string path) => _nodes.GetPermissionsAsync(path);

    public Task SetPermissionsAsync(string path, params IReadOnlyList<XenStorePermission> permissions) => _nodes.SetPermissionsAsync(path, permissions);

    public async Task TransactAsync(Func<IXenStoreNodes, Task> body)
    {
        // The tools of this process do not overtake each other: many domains are made at once, all below the same few nodes.
        await _store.ToolTransactions.WaitAsync().ConfigureAwait(false);
        try
        {
            while (!await TryTransactAsync(body).ConfigureAwait(false))
            {
                // A guest or a tool on a socket changed what the body read: it runs again over the store as it is now.
            }
        }
        finally
        {
            _store.ToolTransactions.Release();
        }
    }

    public async Task<IXenStoreWatch> WatchAsync(string path)
    {
        var token = Interlocked.Increment(ref _lastToken).ToString(CultureInfo.InvariantCulture);
        var watch = new StoreWatch(this, path, token);
        // Known before its first event, which comes with the reply.
        await RunAsync(() => _watches.Add(token, watch)).ConfigureAwait(false);
        try
        {
            await AskAsync(XenStoreMessageType.Watch, 0, Payload.Of($"{path}\0{token}"), path).ConfigureAwait(false);
        }
        catch
        {
            await RunAsync(() => _watches.Remove(token)).ConfigureAwait(false);
            throw;
        }
        return watch;
    }

    public Task IntroduceAsync(DomId domain, Pfn page, EventPort port)
        => AskAsync(XenStoreMessageType.Introduce, 0, Payload.Of($"{domain.Value}\0{page.Value}\0{port.Value}"), domain.ToString());

    public async Task ReleaseAsync(DomId domain)
    {
        try
        {
            await AskAboutAsync(XenStoreMessageType.Release, domain).ConfigureAwait(false);
        }
        catch (XenStoreException exception) when (exception.Error == Errno.ENOENT)
        {
            // It died, and the store has forgotten it already.
        }
    }

    public async Task ResumeAsync(DomId domain)
    {
        await AskAboutAsync(XenStoreMessageType.Resume, domain).ConfigureAwait(false);
        // It may have shut down again before the store heard that it runs, and no interrupt tells of that a second time. The real daemon, whose
        // answers those on the wire are, does not look.
        await RunAsync(_store.CheckDomains).ConfigureAwait(false);
    }

    public Task SetTargetAsync(DomId domain, DomId target)
        => AskAsync(XenStoreMessageType.SetTarget, 0, Payload.Of($"{domain.Value}\0{target.Value}"), domain.ToString());

    public async Task<bool> IsIntroducedAsync(DomId domain)
        => new Payload(await AskAboutAsync(XenStoreMessageType.IsDomainIntroduced, domain).ConfigureAwait(false)).Single == "T";

    public async Task<IReadOnlyList<string>> GetQuotaNamesAsync()
        => (await AskForTextAsync(XenStoreMessageType.GetQuota, "the quotas", "").ConfigureAwait(false)).Split(' ');

    public async Task<int> GetQuotaAsync(DomId? domain, string quota)
        => int.Parse(await AskForTextAsync(XenStoreMessageType.GetQuota, quota, WithDomain(domain, quota)).ConfigureAwait(false), CultureInfo.InvariantCulture);

    public Task SetQuotaAsync(DomId? domain, string quota, int value)
        => AskAsync(XenStoreMessageType.SetQuota, 0, Payload.Of(string.Create(CultureInfo.InvariantCulture, $"{WithDomain(domain, quota)}\0{value}")), quota);

    public async Task<XenStoreServerFeatures> GetFeaturesAsync(DomId domain)
        => (XenStoreServerFeatures)uint.Parse(await AskForTextAsync(XenStoreMessageType.GetFeature, domain.ToString(), $"{domain.Value}").ConfigureAwait(false), CultureInfo.InvariantCulture);

    public Task SetFeaturesAsync(DomId domain, XenStoreServerFeatures features)
        => AskAsync(XenStoreMessageType.SetFeature, 0, Payload.Of($"{domain.Value}\0{(uint)features}"), domain.ToString());

    public override void Send(XenStoreMessageType type, uint requestId, uint transactionId, ReadOnlySpan<byte> payload)
        => _current!.Complete(type, payload);

    public override void SendEvent(string path, string token)
    {
        if (_watches.TryGetValue(token, out var watch))
            watch.Tell(path);
    }

    public override void Stop()
    {
        foreach (var watch in _watches.Values)
            watch.End();
    }

    /// <summary>Queues a request. A refusal throws <see cref="XenStoreException"/>, a stopped daemon <see cref="ObjectDisposedException"/>.</summary>
    internal Task<byte[]> AskAsync(XenStoreMessageType type, uint transactionId, byte[] payload, string subject)
    {
        var call = new StoreCall(this, type, transactionId, payload, subject);
        if (!_store.Schedule(call))
            call.Cancel();
        return call.Reply;
    }

    /// <summary>On the loop.</summary>
    internal void Serve(StoreCall call, in StoreMessage message)
    {
        if (message.Payload.Length > XenStoreLimits.PayloadBytes)
        {
            call.Complete(XenStoreMessageType.Error, Payload.Of(nameof(Errno.E2BIG)));
            return;
        }
        _current = call;
        try
        {
            _store.Handle(this, message);
        }
        finally
        {
            _current = null;
        }
    }

    internal async ValueTask UnwatchAsync(StoreWatch watch)
    {
        try
        {
            await AskAsync(XenStoreMessageType.Unwatch, 0, Payload.Of($"{watch.Path}\0{watch.Token}"), watch.Path).ConfigureAwait(false);
            await RunAsync(() => _watches.Remove(watch.Token)).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The daemon stopped, and the watch with it.
        }
    }

    /// <summary>One run of a transaction's body, and its commit. False: somebody was faster.</summary>
    private async Task<bool> TryTransactAsync(Func<IXenStoreNodes, Task> body)
    {
        var reply = await AskAsync(XenStoreMessageType.TransactionStart, 0, Payload.Of(string.Empty), "a transaction").ConfigureAwait(false);
        var id = uint.Parse(new Payload(reply).Single!, CultureInfo.InvariantCulture);
        try
        {
            await body(new StoreNodes(this, id)).ConfigureAwait(false);
        }
        catch
        {
            await EndAsync(id, "F").ConfigureAwait(false);
            throw;
        }
        try
        {
            await EndAsync(id, "T").ConfigureAwait(false);
            return true;
        }
        catch (XenStoreException exception) when (exception.Error == Errno.EAGAIN)
        {
            return false;
        }
    }

    private static string WithDomain(DomId? domain, string quota) => domain is { } named ? $"{named.Value}\0{quota}" : quota;

    private async Task<string> AskForTextAsync(XenStoreMessageType type, string subject, string arguments)
        => new Payload(await AskAsync(type, 0, Payload.Of(arguments), subject).ConfigureAwait(false)).Single!;

    private Task<byte[]> AskAboutAsync(XenStoreMessageType type, DomId domain)
        => AskAsync(type, 0, Payload.Of(domain.Value.ToString(CultureInfo.InvariantCulture)), domain.ToString());

    private Task EndAsync(uint transaction, string how)
        => AskAsync(XenStoreMessageType.TransactionEnd, transaction, Payload.Of(how), "a transaction");

    private Task RunAsync(Action action)
    {
        var work = new StoreAction(action);
        if (!_store.Schedule(work))
            work.Cancel();
        return work.Done;
    }
}
