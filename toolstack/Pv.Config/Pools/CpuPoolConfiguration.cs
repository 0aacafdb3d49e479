using Pv.Config.Domain;
using Pv.Config.Grammar;

namespace Pv.Config.Pools;

/// <summary>
/// The configuration of a CPU pool (xlcpupool.cfg(5)). Which of the CPUs are free is for the toolstack to see.
/// </summary>
/// <param name="Name">The pool's name; the file's name without its folder if the file gives none.</param>
/// <param name="Scheduler">credit, credit2, rtds, null or arinc653; null for the host's scheduler.</param>
/// <param name="Cpus">The CPUs asked for, or null if one free CPU is to be taken.</param>
/// <param name="ByNode">Whether whole nodes were asked for, of which the free CPUs are taken; otherwise each must be free.</param>
public sealed record CpuPoolConfiguration(string Name, string? Scheduler, CpuMap? Cpus, bool ByNode)
{
    private static ReadOnlySpan<string> Schedulers => new[] { "credit", "credit2", "arinc653", "rtds", "null" };

    /// <summary>Parses a file and statements behind it. Null if refused, with the reason reported; xl exits 1.</summary>
    /// <param name="fileName">The file's name, or null for a command line only.</param>
    /// <param name="text">The content of the file.</param>
    /// <param name="overrides">Statements that follow the file.</param>
    /// <param name="host">The host's CPUs.</param>
    /// <param name="diagnostics">Takes the messages.</param>
    public static CpuPoolConfiguration? Parse(
        string? fileName, string text, IReadOnlyList<string>? overrides, HostTopology host, ConfigDiagnostics diagnostics)
    {
        ConfigSettings? settings = DomainConfigurationParser.ParseSettings(fileName ?? "command line", text, overrides, diagnostics);
        if (settings is null)
            return null;

        var reader = new ConfigReader(settings, diagnostics, host);
        string? name = reader.String("name") ?? (fileName is null ? null : Path.GetFileName(fileName));
        if (string.IsNullOrEmpty(name))
        {
            diagnostics.Report("Missing cpupool name!");
            return null;
        }

        string? scheduler = null;
        if (reader.TryString("sched", out string sched))
        {
            scheduler = LibxlNames.Match(Schedulers, sched);
            if (scheduler is null)
            {
                diagnostics.Report("Unknown scheduler");
                return null;
            }
        }

        bool byNode = reader.Has("nodes");
        return TryCpus(reader, byNode, out CpuMap? cpus) ? new CpuPoolConfiguration(name, scheduler, cpus, byNode) : null;
    }

    private static bool TryCpus(ConfigReader reader, bool byNode, out CpuMap? cpus)
    {
        cpus = null;
        string key = byNode ? "nodes" : "cpus";
        HostTopology host = reader.Host;
        if (reader.List(key, out ConfigList list, quiet: true) == Lookup.Found)
        {
            cpus = new CpuMap(host.CpuCount);
            foreach (string item in list.LeadingAtoms)
            {
                int number = CNumber.ParseInteger(item);
                if (byNode)
                    AddNode(cpus, number);
                else if (number >= 0 && number < cpus.Size)
                    cpus[number] = true;
                else
                    return reader.Refuse($"cpu {number} illegal or not free");
            }

            return true;
        }

        if (!reader.TryString(key, out string text))
            return true;
        if (!byNode)
        {
            cpus = CpuMap.Parse(text, host, reader.Diagnostics);
            return cpus is not null;
        }

        cpus = new CpuMap(host.CpuCount);
        AddNode(cpus, CNumber.ParseInteger(text));
        return true;

        void AddNode(CpuMap map, int node)
        {
            (int first, int count) = node < 0 ? (0, 0) : host.CpusOfNode((ulong)node);
            map.SetRange(first, count, true);
        }
    }
}
