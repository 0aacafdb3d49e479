using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>Scheduler parameters, memory, vCPUs and where they run, grant table limits.</summary>
internal static class ResourceSection
{
    /// <summary>More vCPUs than this are refused at once; Xen itself allows a PV domain 8192.</summary>
    internal const int MaxVcpus = 1 << 16;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        SchedulerParameters scheduler = domain.Scheduler;
        scheduler.Weight = reader.Integer("cpu_weight");
        scheduler.Cap = reader.Integer("cap");
        scheduler.Period = reader.Integer("period");
        scheduler.Slice = reader.Integer("slice");
        scheduler.Latency = reader.Integer("latency");
        scheduler.ExtraTime = reader.Integer("extratime");

        domain.TargetMemoryKiB = reader.MebibytesAsKiB("memory");
        domain.MaxMemoryKiB = reader.MebibytesAsKiB("maxmem");
        return ReadVcpus(reader, domain) && ReadAffinities(reader, domain) && ReadGrantLimits(reader, domain);
    }

    private static bool ReadVcpus(ConfigReader reader, DomainConfiguration domain)
    {
        long vcpus = 0;
        if (reader.TryNumber("vcpus", out long online))
        {
            if (online is < 0 or > MaxVcpus)
            {
                reader.Warn("libxl: error: libxl_utils.c:809:libxl_cpu_bitmap_alloc: invalid number of cpus provided");
                return reader.Refuse("Unable to allocate cpumap");
            }

            vcpus = online;
            domain.OnlineVcpus = (int)online;
        }

        domain.MaxVcpus = reader.Integer("maxvcpus") ?? 0;
        if (reader.TryString("vuart", out string vuart))
        {
            domain.Arm.Vuart = LibxlNames.Match(["unknown", "sbsa_uart"], vuart);
            if (domain.Arm.Vuart is null)
                return reader.Refuse($"ERROR: invalid value \"{vuart}\" for \"vuart\"");
        }

        if (!VirtualNumaSection.Read(reader, domain))
            return false;

        domain.MaxMemoryKiB ??= domain.TargetMemoryKiB;
        if (domain.MaxVcpus == 0)
            domain.MaxVcpus = (int)vcpus;
        return domain.MaxVcpus >= vcpus || reader.Refuse("xl: maxvcpus < vcpus");
    }

    private static bool ReadAffinities(ConfigReader reader, DomainConfiguration domain)
    {
        if (!TryReadAffinity(reader, "cpus", domain, out IReadOnlyList<CpuMap>? hard, out bool placed))
            return false;
        domain.HardAffinity = hard;
        if (placed)
            domain.NumaPlacement = false;

        if (!TryReadAffinity(reader, "cpus_soft", domain, out IReadOnlyList<CpuMap>? soft, out placed))
            return false;
        domain.SoftAffinity = soft;
        if (placed || soft is not null)
            domain.NumaPlacement = false;
        return true;
    }

    /// <summary>
    /// A list has one map a vCPU: further ones are ignored, vCPUs without one are not pinned. A text is for all.
    /// </summary>
    private static bool TryReadAffinity(ConfigReader reader, string key, DomainConfiguration domain, out IReadOnlyList<CpuMap>? maps, out bool isList)
    {
        maps = null;
        isList = reader.List(key, out ConfigList list, quiet: true) == Lookup.Found;
        if (isList)
        {
            var own = new List<CpuMap>();
            foreach (string item in list.LeadingAtoms)
            {
                if (own.Count >= domain.MaxVcpus)
                    break;
                if (CpuMap.Parse(item, reader.Host, reader.Diagnostics) is not { } map)
                    return reader.RefuseSilently();
                own.Add(map);
            }

            maps = own;
            return true;
        }

        if (!reader.TryString(key, out string text))
            return true;
        if (CpuMap.Parse(text, reader.Host, reader.Diagnostics) is not { } all)
            return reader.RefuseSilently();

        // Without vcpus= there is one vCPU in the end, and it shall be pinned, too.
        var same = new CpuMap[Math.Min(domain.EffectiveMaxVcpus, MaxVcpus)];
        Array.Fill(same, all);
        maps = same;
        return true;
    }

    private static bool ReadGrantLimits(ConfigReader reader, DomainConfiguration domain)
    {
        if (!TryBounded("max_grant_frames", out int? grantFrames) || !TryBounded("max_maptrack_frames", out int? maptrackFrames))
            return reader.RefuseSilently();
        domain.MaxGrantFrames = grantFrames;
        domain.MaxMaptrackFrames = maptrackFrames;
        if (!TryBounded("max_grant_version", out int? version))
            return reader.RefuseSilently();
        domain.MaxGrantVersion = version;
        return true;

        bool TryBounded(string key, out int? value)
        {
            Lookup found = reader.Number(key, out long number, quiet: true, 0, int.MaxValue);
            value = found == Lookup.Found ? (int)number : null;
            return found != Lookup.Invalid;
        }
    }
}
