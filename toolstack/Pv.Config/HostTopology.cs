namespace Pv.Config;

/// <summary>
/// The processors that a CPU list speaks of: how many there are, and to which NUMA node each belongs.
/// CPUs are dealt to nodes in equal runs, the last node taking the rest.
/// </summary>
public sealed record HostTopology(int CpuCount, int NodeCount = 1)
{
    /// <summary>The topology to assume where no host is asked (dry runs, checks): 16 CPUs on two nodes.</summary>
    public static HostTopology Assumed => new(16, 2);

    /// <summary>What a dry run speaks of: it is for any host, so for one of 16 CPUs on two nodes where <paramref name="own"/> has fewer.</summary>
    public static HostTopology OfDryRun(HostTopology own) => own.CpuCount > Assumed.CpuCount ? own : Assumed;

    /// <summary>The CPUs of <paramref name="node"/>; empty for a node that does not exist.</summary>
    public (int First, int Count) CpusOfNode(ulong node)
    {
        if (NodeCount <= 0 || node >= (ulong)NodeCount)
            return (0, 0);
        int share = CpuCount / NodeCount;
        int first = (int)node * share;
        return (first, (int)node == NodeCount - 1 ? CpuCount - first : share);
    }
}
