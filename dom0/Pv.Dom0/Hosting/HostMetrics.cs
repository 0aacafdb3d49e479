using System.Globalization;
using Pv.Abi;
using Pv.Backends.Block;
using Pv.Dom0.Consoles;
using Pv.Dom0.XenStore;
using Pv.Machine.Gate;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Metrics;

namespace Pv.Dom0.Hosting;

/// <summary>All that is measured: what the hypervisor counts, the disks' rings, the store.</summary>
internal sealed class HostMetrics(IDomains domains, IHostFacts host, IDomainStatistics statistics, BlockBackend blocks, ConsoleDaemon consoles, StoreService store) : IMetrics
{
    public async Task<IReadOnlyList<MetricFamily>> MeasureAsync()
    {
        var all = await domains.ListAsync();
        var names = all.ToDictionary(domain => domain.Id, domain => domain.Name);
        return [.. DomainMetrics.Measure(all, host, statistics), .. Disks(names), .. Consoles(names), .. await StoreAsync(names)];
    }

    private MetricFamily[] Disks(Dictionary<DomId, string> names)
    {
        var requests = new MetricFamily("pv_disk_requests_total", "counter", "Requests answered, by operation");
        var sectors = new MetricFamily("pv_disk_sectors_total", "counter", "Sectors of 512 bytes, by operation");
        var errors = new MetricFamily("pv_disk_errors_total", "counter", "Requests answered with an error");
        var outstanding = new MetricFamily("pv_disk_requests_outstanding", "gauge", "Requests under way");
        var entries = new MetricFamily("pv_disk_ring_entries", "gauge", "Requests that the connected rings hold at most");
        foreach (var (domain, device, counts) in blocks.Measure())
        {
            (string, string)[] labels = [.. DomainMetrics.Labels(domain, names.GetValueOrDefault(domain, "")), ("vdev", device.ToString(CultureInfo.InvariantCulture))];
            foreach (var (operation, count) in (ReadOnlySpan<(string, long)>)[("read", counts.Reads), ("write", counts.Writes), ("flush", counts.Flushes), ("discard", counts.Discards)])
                requests.Add(count, [.. labels, ("operation", operation)]);
            sectors.Add(counts.ReadSectors, [.. labels, ("operation", "read")]);
            sectors.Add(counts.WrittenSectors, [.. labels, ("operation", "write")]);
            errors.Add(counts.Errors, labels);
            outstanding.Add(counts.Outstanding, labels);
            entries.Add(counts.RingEntries, labels);
        }
        return [requests, sectors, errors, outstanding, entries];
    }

    private MetricFamily[] Consoles(Dictionary<DomId, string> names)
    {
        var bytes = new MetricFamily("pv_console_bytes_total", "counter", "Bytes through the console's ring, as the domain sees them");
        foreach (var (domain, counts) in consoles.Measure())
        {
            var labels = DomainMetrics.Labels(domain, names.GetValueOrDefault(domain, ""));
            bytes.Add(counts.Out, [.. labels, ("direction", "out")]);
            bytes.Add(counts.In, [.. labels, ("direction", "in")]);
        }
        return [bytes];
    }

    private async Task<MetricFamily[]> StoreAsync(Dictionary<DomId, string> names)
    {
        var nodes = new MetricFamily("pv_xenstore_nodes", "gauge", "Nodes that the domain owns");
        var bytes = new MetricFamily("pv_xenstore_bytes", "gauge", "What these weigh; Dom0's are not weighed");
        var watches = new MetricFamily("pv_xenstore_watches", "gauge", "Watches on the domain's ring");
        var transactions = new MetricFamily("pv_xenstore_transactions", "gauge", "Transactions open on the domain's ring");
        foreach (var counts in await store.MeasureAsync())
        {
            var labels = DomainMetrics.Labels(counts.Domain, names.GetValueOrDefault(counts.Domain, ""));
            nodes.Add(counts.Nodes, labels);
            bytes.Add(counts.Bytes, labels);
            watches.Add(counts.Watches, labels);
            transactions.Add(counts.Transactions, labels);
        }
        return [nodes, bytes, watches, transactions];
    }
}
