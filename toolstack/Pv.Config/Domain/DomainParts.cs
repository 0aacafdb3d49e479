namespace Pv.Config.Domain;

/// <summary>What the file says to the scheduler (libxl_domain_sched_params). Null leaves the scheduler's default.</summary>
public sealed class SchedulerParameters
{
    /// <summary>1 to 65535 for credit and credit2; 256 is the default. Not checked here.</summary>
    public int? Weight { get; set; }

    /// <summary>Percent of one CPU; 0 is no cap.</summary>
    public int? Cap { get; set; }

    /// <summary>RTDS period, in µs.</summary>
    public int? Period { get; set; }

    /// <summary>RTDS budget, in µs. No key of the file sets it; <c>xl sched-rtds</c> does.</summary>
    public int? Budget { get; set; }

    public int? ExtraTime { get; set; }

    public int? Slice { get; set; }

    public int? Latency { get; set; }
}

/// <summary>A run of I/O ports.</summary>
public readonly record struct IoPortRange(uint First, uint Count);

/// <summary>A run of host frames, and the guest frame where it is mapped; null if that is the host's number.</summary>
public readonly record struct IoMemoryRange(ulong Start, ulong Count, ulong? GuestFrame);

/// <summary>A node of a virtual NUMA topology (<c>vnuma</c>).</summary>
public sealed class VirtualNode(int nodes)
{
    /// <summary>Null where the file gives none.</summary>
    public ulong? MemoryKiB { get; set; }

    /// <summary>The distance to each node.</summary>
    public uint[] Distances { get; } = new uint[nodes];

    public uint PhysicalNode { get; set; }

    public List<int> Vcpus { get; } = [];
}

/// <summary>PV in PVH: a PV kernel under a shim.</summary>
public sealed class PvShimConfiguration
{
    public bool? Enabled { get; set; }

    public string? Path { get; set; }

    public string? CommandLine { get; set; }

    public string? Extra { get; set; }
}

/// <summary>Keys for Arm guests: kept, and of no effect here.</summary>
public sealed class ArmConfiguration
{
    public string? GicVersion { get; set; }

    public string? Vuart { get; set; }

    public string? Sve { get; set; }

    public uint SpiCount { get; set; }
}

/// <summary>What is said of a device model: kept, and of no effect on PV domains here.</summary>
public sealed class DeviceModelConfiguration
{
    public string? Version { get; set; }

    public bool? Stubdomain { get; set; }

    public ulong? StubdomainMemoryKiB { get; set; }

    public string? StubdomainKernel { get; set; }

    public string? StubdomainCommandLine { get; set; }

    public string? StubdomainRamdisk { get; set; }

    public string? Path { get; set; }

    public string? SecurityLabel { get; set; }

    public string? User { get; set; }

    public IReadOnlyList<string> Extra { get; set; } = [];

    public IReadOnlyList<string> ExtraPv { get; set; } = [];

    public IReadOnlyList<string> ExtraHvm { get; set; } = [];
}
