using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>The virtual NUMA topology (<c>vnuma</c>): a list of nodes, each a list of <c>option=value</c>.</summary>
internal static class VirtualNumaSection
{
    private const int MaxNodes = 1024;
    private const ulong TooMany = 1UL << 32;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        if (reader.List("vnuma", out ConfigList list, quiet: true) != Lookup.Found || list.Items.Count == 0)
            return true;
        if (list.Items.Count > MaxNodes)
            return reader.Refuse("xl: too many vnuma nodes");

        var nodes = new List<VirtualNode>();
        ulong vcpus = 0;
        ulong memoryKiB = 0;
        foreach (ConfigValue item in list.Items)
        {
            if (item is not ConfigList options)
            {
                reader.Warn($"{reader.Source}:{item.Line}:0: warning: value is not a list");
                return reader.Refuse("xl: cannot get vnode config option list");
            }

            var node = new VirtualNode(list.Items.Count);
            nodes.Add(node);
            foreach (ConfigValue option in options.Items)
            {
                if (option is ConfigAtom atom && !ReadOption(reader, domain, node, atom.Text, ref vcpus, ref memoryKiB))
                    return false;
            }
        }

        domain.VirtualNodes = nodes;
        return Check(reader, domain, vcpus, memoryKiB);
    }

    private static bool ReadOption(ConfigReader reader, DomainConfiguration domain, VirtualNode node, string text, ref ulong vcpus, ref ulong memoryKiB)
    {
        string[] pair = text.Split('=', StringSplitOptions.RemoveEmptyEntries);
        if (pair.Length < 2)
            return reader.Refuse($"xl: failed to split \"{text}\" into pair");

        string value = pair[1].Trim();
        ulong number;
        switch (pair[0].Trim())
        {
            case "pnode":
                if (!TryNumber(reader, value, out number))
                    return false;
                if (number >= (ulong)reader.Host.NodeCount)
                    return reader.Refuse($"xl: invalid pnode number: {number}");
                node.PhysicalNode = (uint)number;
                domain.NumaPlacement = false;
                break;
            case "size":
                if (!TryNumber(reader, value, out number))
                    return false;
                node.MemoryKiB = number << 10;
                memoryKiB = unchecked(memoryKiB + (number << 10));
                break;
            case "vcpus":
                foreach (string range in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
                    AddVcpus(node, range, ref vcpus);
                break;
            case "vdistances":
                int i = 0;
                foreach (string distance in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
                {
                    if (!TryNumber(reader, distance, out number))
                        return false;
                    if (i < node.Distances.Length)
                        node.Distances[i++] = (uint)number;
                }

                break;
        }

        return true;
    }

    /// <summary>
    /// Adds the vCPUs of a range, and how many it names to <paramref name="vcpus"/>. Once there are more than any
    /// domain has, they are only counted: the sum is refused in the end.
    /// </summary>
    private static void AddVcpus(VirtualNode node, string range, ref ulong vcpus)
    {
        if (!CpuMap.TryParseRange(range, out ulong first, out ulong last))
            return;
        vcpus = last - first < TooMany && vcpus < TooMany ? vcpus + (last - first + 1) : TooMany;
        if (vcpus > ResourceSection.MaxVcpus || last > ResourceSection.MaxVcpus)
            return;
        for (ulong vcpu = first; vcpu <= last; vcpu++)
            node.Vcpus.Add((int)vcpu);
    }

    private static bool Check(ConfigReader reader, DomainConfiguration domain, ulong vcpus, ulong memoryKiB)
    {
        if (domain.MaxVcpus != 0)
        {
            if ((ulong)domain.MaxVcpus != vcpus)
                return reader.Refuse("xl: vnuma vcpus and maxvcpus= mismatch");
        }
        else if ((ulong)reader.Host.CpuCount < vcpus)
        {
            return reader.Refuse("xl: vnuma specifies more vcpus than pcpus, use maxvcpus= to override this check.");
        }
        else
        {
            domain.MaxVcpus = (int)vcpus;
        }

        if (domain.MaxMemoryKiB is { } limit && limit != memoryKiB)
            return reader.Refuse("xl: maxmem and vnuma memory size mismatch");
        domain.MaxMemoryKiB = memoryKiB;
        return true;
    }

    private static bool TryNumber(ConfigReader reader, string text, out ulong value)
    {
        value = CNumber.ParseUnsigned(text, 10, out int used);
        return (used != 0 && value != ulong.MaxValue) || reader.Refuse($"xl: failed to convert \"{text}\" to number");
    }
}
