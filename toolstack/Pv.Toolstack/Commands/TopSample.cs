using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>What <c>xl top</c> looks at in one moment.</summary>
/// <param name="At">When.</param>
/// <param name="Host">The host.</param>
/// <param name="Rows">A row a domain.</param>
internal sealed record TopSample(DateTimeOffset At, HostDescription Host, IReadOnlyList<TopRow> Rows);

/// <summary>A domain in it.</summary>
/// <param name="Domain">The domain.</param>
/// <param name="Busy">Per cent of a CPU that it used since the sample before; of the first, 0.</param>
/// <param name="Disks">Its disks, by number.</param>
/// <param name="Transfers">What has passed through those that are connected, by number.</param>
/// <param name="Vcpus">Its vCPUs, where they were asked for.</param>
internal sealed record TopRow(DomainView Domain, double Busy, IReadOnlyList<int> Disks, IReadOnlyDictionary<int, TopTransfers> Transfers, IReadOnlyList<VcpuView> Vcpus)
{
    /// <summary>Of all its disks together.</summary>
    public TopTransfers Total => Transfers.Values.Aggregate(default(TopTransfers), static (sum, one) => sum.Add(one));
}

/// <summary>What has passed through a disk: requests, and sectors of 512 bytes.</summary>
internal readonly record struct TopTransfers(long Reads, long Writes, long ReadSectors, long WrittenSectors)
{
    public TopTransfers Add(TopTransfers other)
        => new(Reads + other.Reads, Writes + other.Writes, ReadSectors + other.ReadSectors, WrittenSectors + other.WrittenSectors);
}
