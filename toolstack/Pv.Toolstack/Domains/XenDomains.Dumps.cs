namespace Pv.Toolstack.Domains;

/// <content>Core dumps.</content>
public sealed partial class XenDomains
{
    private Task TryDumpCoreAsync(DomainRecord record, CancellationToken cancel)
    {
        _log($"Domain {record.Id.Value}: core dumps are not built yet; none is written");
        return Task.CompletedTask;
    }
}
