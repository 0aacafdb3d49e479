using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl info</c>: the host, a field a line; or one field's value alone.</summary>
internal static class InfoCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        var host = context.Toolstack.Host.Describe();
        if (words.Rest.Count > 0)
        {
            var wanted = words.Rest[0];
            foreach (var (name, value) in All(host))
            {
                if (name != wanted)
                    continue;
                await context.PrintAsync(value);
                return 0;
            }
            throw new ToolstackException($"There is no field '{wanted}'; xl info lists them.");
        }
        foreach (var (name, value) in Above(host))
            await context.PrintAsync($"{name,-23}: {value}");
        if (words.Has('n'))
            await PrintTopologyAsync(context, host);
        foreach (var (name, value) in Below(host))
            await context.PrintAsync($"{name,-23}: {value}");
        return 0;
    }

    /// <summary>All fields, in order.</summary>
    public static IEnumerable<(string Name, string Value)> All(HostDescription host) => Above(host).Concat(Below(host));

    /// <summary>Those whose values are numbers.</summary>
    public static IReadOnlySet<string> Numbers { get; } = new HashSet<string>
    {
        "nr_cpus", "max_cpu_id", "nr_nodes", "cores_per_socket", "threads_per_core", "total_memory", "free_memory", "sharing_freed_memory",
        "sharing_used_memory", "outstanding_claims", "free_cpus", "xen_major", "xen_minor", "xen_pagesize", "xend_config_format",
    };

    private static IEnumerable<(string Name, string Value)> Above(HostDescription host)
    {
        var physical = host.Physical;
        yield return ("host", host.Host);
        yield return ("release", host.Release);
        yield return ("version", host.Version);
        yield return ("machine", host.Machine);
        yield return ("nr_cpus", $"{physical.CpuCount}");
        yield return ("max_cpu_id", $"{physical.MaxCpuId}");
        yield return ("nr_nodes", $"{physical.NodeCount}");
        yield return ("cores_per_socket", $"{physical.CoresPerSocket}");
        yield return ("threads_per_core", $"{physical.ThreadsPerCore}");
        yield return ("cpu_mhz", $"{physical.CpuKhz / 1000}.{physical.CpuKhz % 1000:D3}");
        yield return ("hw_caps", HardwareWords(physical));
        yield return ("virt_caps", Capabilities(physical.Capabilities));
        yield return ("total_memory", $"{MiB(physical.TotalPages)}");
        yield return ("free_memory", $"{MiB(physical.FreePages - physical.OutstandingPages)}");
        yield return ("sharing_freed_memory", "0");
        yield return ("sharing_used_memory", "0");
        yield return ("outstanding_claims", $"{MiB(physical.OutstandingPages)}");
        yield return ("free_cpus", $"{host.FreeCpus}");
    }

    private static IEnumerable<(string Name, string Value)> Below(HostDescription host)
    {
        yield return ("xen_major", $"{host.XenMajor}");
        yield return ("xen_minor", $"{host.XenMinor}");
        yield return ("xen_extra", host.XenExtra);
        yield return ("xen_version", $"{host.XenMajor}.{host.XenMinor}{host.XenExtra}");
        yield return ("xen_caps", host.XenCapabilities);
        yield return ("xen_scheduler", host.Scheduler);
        yield return ("xen_pagesize", $"{PageSize.Bytes}");
        yield return ("platform_params", $"virt_start=0x{host.VirtualStart:x}");
        yield return ("xen_changeset", host.Changeset);
        yield return ("xen_commandline", host.CommandLine);
        yield return ("cc_compiler", host.Compiler);
        yield return ("cc_compile_by", host.CompiledBy);
        yield return ("cc_compile_domain", host.CompileDomain);
        yield return ("cc_compile_date", host.CompileDate);
        yield return ("build_id", host.BuildId);
        yield return ("xend_config_format", "4");
    }

    private static async Task PrintTopologyAsync(CommandContext context, HostDescription host)
    {
        var physical = host.Physical;
        await context.PrintAsync($"{"cpu_topology",-23}:\ncpu:    core    socket     node");
        for (uint cpu = 0; cpu < physical.CpuCount; cpu++)
        {
            // One socket a group of cores: the machine that Pv is has no shape of its own.
            var cores = Math.Max(1, physical.CoresPerSocket);
            await context.PrintAsync($"{cpu,3}:    {cpu % cores,4}     {cpu / cores,4}     {0,4}");
        }
        await context.PrintAsync($"{"device topology",-23}:\n{"device",-16} node\nNo device topology data available");
        await context.PrintAsync($"{"numa_info",-23}:\nnode:    memsize    memfree    distances");
        await context.PrintAsync($"{0,4}:    {MiB(physical.TotalPages),6}     {MiB(physical.FreePages),6}      10");
    }

    private static string Capabilities(PhysicalCapabilities capabilities)
    {
        (PhysicalCapabilities Flag, string Word)[] words =
        [
            (PhysicalCapabilities.Pv, "pv"), (PhysicalCapabilities.Hvm, "hvm"), (PhysicalCapabilities.DirectIo, "pv_directio"),
            (PhysicalCapabilities.Hap, "hap"), (PhysicalCapabilities.Shadow, "shadow"), (PhysicalCapabilities.IommuHapPageTableShare, "iommu_hap_pt_share"),
            (PhysicalCapabilities.VmTrace, "vmtrace"), (PhysicalCapabilities.Vpmu, "vpmu"),
            (PhysicalCapabilities.GrantTableV1, "gnttab-v1"), (PhysicalCapabilities.GrantTableV2, "gnttab-v2"),
        ];
        return string.Join(' ', words.Where(word => (capabilities & word.Flag) != 0).Select(word => word.Word));
    }

    private static string HardwareWords(SysctlPhysicalInfo physical)
    {
        ReadOnlySpan<uint> words = physical.HardwareCapabilities;
        var parts = new string[words.Length];
        for (var i = 0; i < parts.Length; i++)
            parts[i] = words[i].ToString("x8");
        return string.Join(':', parts);
    }

    private static ulong MiB(ulong pages) => pages * PageSize.Bytes >> 20;
}
