using System.Globalization;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// The store as a C# guest sees it, over the ring that the toolstack gave it. Paths are absolute, or relative to the domain's own
/// <c>/local/domain/N</c>.
/// </summary>
/// <remarks>In turns only. What only Dom0 may ask is refused by xenstored, not here.</remarks>
public sealed class XenStoreClient : IXenStore
{
    private readonly XenStoreConnection _connection;
    private readonly XenStoreNodes _nodes;

    private XenStoreClient(XenStoreConnection connection)
    {
        _connection = connection;
        _nodes = new XenStoreNodes(connection, 0);
    }

    /// <summary>A client on a ring, and the loop that receives for it until the ring is closed.</summary>
    public static (XenStoreClient Client, Task Receiving) Open(ByteRingChannel ring)
    {
        var connection = new XenStoreConnection(ring);
        return (new XenStoreClient(connection), connection.RunAsync());
    }

    public Task<string?> ReadAsync(string path) => _nodes.ReadAsync(path);

    public Task<IReadOnlyList<string>?> ListAsync(string path) => _nodes.ListAsync(path);

    public Task WriteAsync(string path, string value) => _nodes.WriteAsync(path, value);

    public Task MakeDirectoryAsync(string path) => _nodes.MakeDirectoryAsync(path);

    public Task RemoveAsync(string path) => _nodes.RemoveAsync(path);

    public Task<IReadOnlyList<XenStorePermission>> GetPermissionsAsync(string path) => _nodes.GetPermissionsAsync(path);

    public Task SetPermissionsAsync(string path, params IReadOnlyList<XenStorePermission> permissions)
        => _nodes.SetPermissionsAsync(path, permissions);

    public async Task TransactAsync(Func<IXenStoreNodes, Task> body)
    {
        while (true)
        {
            var reply = await _connection.RequestAsync(XenStoreMessageType.TransactionStart, 0, "a transaction", "");
            var transaction = uint.Parse(XenStoreConnection.Text(reply).TrimEnd('\0'));
            try
            {
                await body(new XenStoreNodes(_connection, transaction));
            }
            catch
            {
                await EndAsync(transaction, "F");
                throw;
            }
            try
            {
                await EndAsync(transaction, "T");
                return;
            }
            catch (XenStoreException failure) when (failure.Error == Errno.EAGAIN)
            {
                // Somebody changed what the body read: again, on what is there now.
            }
        }
    }

    public async Task<IXenStoreWatch> WatchAsync(string path) => await _connection.WatchAsync(path);

    /// <summary>The path of a domain's own part of the store.</summary>
    public async Task<string> GetDomainPathAsync(DomId domain)
        => XenStoreConnection.Text(await AskAsync(XenStoreMessageType.GetDomainPath, domain)).TrimEnd('\0');

    public Task IntroduceAsync(DomId domain, Pfn page, EventPort port)
        => AskAsync(XenStoreMessageType.Introduce, domain, $"{page.Value}", $"{port.Value}");

    public Task ReleaseAsync(DomId domain) => AskAsync(XenStoreMessageType.Release, domain);

    public Task ResumeAsync(DomId domain) => AskAsync(XenStoreMessageType.Resume, domain);

    public Task SetTargetAsync(DomId domain, DomId target) => AskAsync(XenStoreMessageType.SetTarget, domain, $"{target.Value}");

    public async Task<bool> IsIntroducedAsync(DomId domain)
        => XenStoreConnection.Text(await AskAsync(XenStoreMessageType.IsDomainIntroduced, domain)).StartsWith('T');

    public async Task<IReadOnlyList<string>> GetQuotaNamesAsync() => (await AskForTextAsync(XenStoreMessageType.GetQuota, "the quotas")).Split(' ');

    public async Task<int> GetQuotaAsync(DomId? domain, string quota)
        => int.Parse(await AskForTextAsync(XenStoreMessageType.GetQuota, quota, WithDomain(domain, quota)), CultureInfo.InvariantCulture);

    public Task SetQuotaAsync(DomId? domain, string quota, int value)
        => _connection.RequestAsync(XenStoreMessageType.SetQuota, 0, quota, WithDomain(domain, quota, value.ToString(CultureInfo.InvariantCulture)));

    public async Task<XenStoreServerFeatures> GetFeaturesAsync(DomId domain)
        => (XenStoreServerFeatures)uint.Parse(await AskForTextAsync(XenStoreMessageType.GetFeature, $"{domain}", $"{domain.Value}"), CultureInfo.InvariantCulture);

    public Task SetFeaturesAsync(DomId domain, XenStoreServerFeatures features) => AskAsync(XenStoreMessageType.SetFeature, domain, $"{(uint)features}");

    private static string[] WithDomain(DomId? domain, params string[] arguments)
        => domain is { } named ? [$"{named.Value}", .. arguments] : arguments;

    private async Task<string> AskForTextAsync(XenStoreMessageType type, string subject, params string[] arguments)
        => XenStoreConnection.Text(await _connection.RequestAsync(type, 0, subject, arguments)).TrimEnd('\0');

    private Task<byte[]> AskAsync(XenStoreMessageType type, DomId domain, params string[] more)
        => _connection.RequestAsync(type, 0, $"{domain}", [$"{domain.Value}", .. more]);

    private Task EndAsync(uint transaction, string commit)
        => _connection.RequestAsync(XenStoreMessageType.TransactionEnd, transaction, "a transaction", commit);
}
