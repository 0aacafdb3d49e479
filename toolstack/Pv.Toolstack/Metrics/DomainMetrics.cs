using System.Globalization;
using Pv.Abi;
using Pv.Machine.Gate;
using Pv.Toolstack.Commands;
using Pv.Toolstack.Commands.Json;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Metrics;

/// <summary>The metrics of the host and of domains that the hypervisor knows. A domain's number and name are labels of each of its samples.</summary>
public static class DomainMetrics
{
    /// <summary>Asks for all of them.</summary>
    /// <param name="domains">The domains, as listed now.</param>
    /// <param name="host">The host.</param>
    /// <param name="statistics">What the hypervisor counts.</param>
    public static IEnumerable<MetricFamily> Measure(IReadOnlyList<DomainView> domains, IHostFacts host, IDomainStatistics statistics)
    {
        var physical = host.Describe().Physical;
        yield return One("pv_host_cpus", "pCPUs of the machine", physical.CpuCount);
        yield return One("pv_host_memory_bytes", "Machine memory", physical.TotalPages * PageSize.Bytes);
        yield return One("pv_host_free_memory_bytes", "Machine memory that nobody has", physical.FreePages * PageSize.Bytes);
        yield return One("pv_host_domains", "Domains, Dom0 included", domains.Count);

        var state = new MetricFamily("pv_domain_state", "gauge", "1 for the state that the domain is in");
        var memory = new MetricFamily("pv_domain_memory_bytes", "gauge", "Memory that the domain has or has claimed");
        var vcpus = new MetricFamily("pv_domain_vcpus", "gauge", "vCPUs that are up");
        var time = new MetricFamily("pv_domain_cpu_seconds_total", "counter", "Processor time of all vCPUs");
        var runstates = new MetricFamily("pv_vcpu_runstate_seconds_total", "counter", "Time in each runstate");
        var exits = new MetricFamily("pv_domain_exits_total", "counter", "Ways out of the guest's code, by kind");
        var exceptions = new MetricFamily("pv_domain_exceptions_total", "counter", "Exceptions that left the guest's code, by vector");
        var calls = new MetricFamily("pv_domain_hypercalls_total", "counter", "Hypercalls, by name");
        (MetricFamily Family, Func<AsyncCounts, ulong> Of)[] queues =
        [
            (new MetricFamily("pv_async_submissions_total", "counter", "Asynchronous hypercalls taken from queues"), counts => counts.Submissions),
            (new MetricFamily("pv_async_completions_total", "counter", "Asynchronous hypercalls whose results were told"), counts => counts.Completions),
            (new MetricFamily("pv_async_waits_total", "counter", "Times that calls waited since completions were not read"), counts => counts.Waits),
            (new MetricFamily("pv_async_wakeups_total", "counter", "Times that a queue's service was woken"), counts => counts.WakeUps),
        ];
        foreach (var domain in domains)
        {
            var labels = Labels(domain);
            state.Add(1, [.. labels, ("state", JsonViews.StateOf(domain.Flags)), ("reason", JsonViews.ReasonOf(domain))]);
            memory.Add(domain.Pages * PageSize.Bytes, labels);
            vcpus.Add(domain.Vcpus, labels);
            time.Add(domain.CpuTime / 1e9, labels);
            if (statistics.Measure(domain.Id) is not { } measured)
                continue;
            AddSums(calls, labels, "hypercall", measured.SelectMany(vcpu => vcpu.Counts.Hypercalls), number => TraceText.Name((ulong)number));
            // Its code runs on threads of the host: nobody schedules it, and it leaves nothing but by calls.
            if (domain.Id == DomId.Dom0)
                continue;
            foreach (var vcpu in measured)
            {
                foreach (var (runstate, nanoseconds) in vcpu.Times)
                    runstates.Add(nanoseconds / 1e9, [.. labels, ("vcpu", Text(vcpu.Vcpu.Value)), ("state", runstate.ToString().ToLowerInvariant())]);
                foreach (var (family, of) in queues)
                {
                    if (vcpu.Queue is { } counts)
                        family.Add(of(counts), [.. labels, ("vcpu", Text(vcpu.Vcpu.Value))]);
                }
            }
            AddSums(exits, labels, "kind", measured.SelectMany(vcpu => vcpu.Counts.Exits), kind => kind);
            AddSums(exceptions, labels, "vector", measured.SelectMany(vcpu => vcpu.Counts.Exceptions), vector => Text(vector));
        }
        foreach (var family in (MetricFamily[])[state, memory, vcpus, time, runstates, exits, exceptions, calls, .. queues.Select(queue => queue.Family)])
            yield return family;
    }

    /// <summary>The labels that name a domain.</summary>
    public static (string Name, string Value)[] Labels(DomainView domain) => Labels(domain.Id, domain.Name);

    /// <inheritdoc cref="Labels(DomainView)"/>
    public static (string Name, string Value)[] Labels(DomId domain, string name) => [("domid", Text(domain.Value)), ("name", name)];

    private static MetricFamily One(string name, string help, double value)
    {
        var family = new MetricFamily(name, "gauge", help);
        family.Add(value);
        return family;
    }

    private static void AddSums<T>(
        MetricFamily family, (string, string)[] labels, string label, IEnumerable<KeyValuePair<T, ulong>> counts, Func<T, string> nameOf) where T : notnull
    {
        foreach (var same in counts.GroupBy(pair => pair.Key, pair => pair.Value).OrderBy(same => same.Key))
            family.Add(same.Aggregate(0ul, (sum, count) => sum + count), [.. labels, (label, nameOf(same.Key))]);
    }

    private static string Text(uint number) => number.ToString(CultureInfo.InvariantCulture);
}
