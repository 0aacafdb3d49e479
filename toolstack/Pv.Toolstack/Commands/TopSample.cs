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
/// <param name="Vcpus">Its vCPUs, where they were asked for.</param>
internal sealed record TopRow(DomainView Domain, double Busy, IReadOnlyList<int> Disks, IReadOnlyList<VcpuView> Vcpus);
