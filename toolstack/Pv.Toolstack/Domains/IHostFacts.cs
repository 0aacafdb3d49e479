using Pv.Abi;

namespace Pv.Toolstack.Domains;

/// <summary>The host as the hypervisor describes it.</summary>
public interface IHostFacts
{
    HostDescription Describe();

    /// <summary>The hypervisor's log, oldest line first; emptied afterwards if asked.</summary>
    string ReadLog(bool clear);

    /// <summary>Presses debug keys of the hypervisor, which answers in its log.</summary>
    void PressDebugKeys(string keys);
}

/// <summary>What <c>xl info</c> prints, from <c>XEN_SYSCTL_physinfo</c>, <c>xen_version</c> and the system below.</summary>
public sealed record HostDescription
{
    public required string Host { get; init; }

    public required string Release { get; init; }

    public required string Version { get; init; }

    public required string Machine { get; init; }

    public required SysctlPhysicalInfo Physical { get; init; }

    public required uint FreeCpus { get; init; }

    public required uint XenMajor { get; init; }

    public required uint XenMinor { get; init; }

    public required string XenExtra { get; init; }

    public required string XenCapabilities { get; init; }

    public required string Scheduler { get; init; }

    public required ulong VirtualStart { get; init; }

    public required string Changeset { get; init; }

    public required string CommandLine { get; init; }

    public required string Compiler { get; init; }

    public required string CompiledBy { get; init; }

    public required string CompileDomain { get; init; }

    public required string CompileDate { get; init; }

    public required string BuildId { get; init; }
}
