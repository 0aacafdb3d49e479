using Pv.Abi;

namespace Pv.Machine.Gate;

/// <summary>What a vCPU has done so far.</summary>
/// <param name="Vcpu">Its number.</param>
/// <param name="Times">Nanoseconds in each runstate.</param>
/// <param name="Counts">Its ways out of its code.</param>
/// <param name="Queue">Its queue of asynchronous hypercalls, or queues one after another; null when it never had one.</param>
public sealed record VcpuStatistics(VcpuId Vcpu, IReadOnlyDictionary<Runstate, ulong> Times, VcpuCounts Counts, AsyncCounts? Queue);

/// <summary>What became of a queue of asynchronous hypercalls.</summary>
/// <param name="Submissions">Calls that were taken from it.</param>
/// <param name="Completions">Calls whose results were told.</param>
/// <param name="Waits">How often calls had to wait because the guest had not read the completions of others.</param>
/// <param name="WakeUps">How often its service was woken.</param>
public readonly record struct AsyncCounts(ulong Submissions, ulong Completions, ulong Waits, ulong WakeUps);

/// <summary>How often a vCPU has left its code.</summary>
/// <param name="Exits">By kind. A hypercall of a C# guest is none.</param>
/// <param name="Hypercalls">By number; a multicall is one.</param>
/// <param name="Exceptions">Those of <paramref name="Exits"/>, by vector.</param>
/// <param name="BytesIn">What its hypercalls had copied from its memory: arguments and lists, and not what a grant copy moves.</param>
/// <param name="BytesOut">What they had copied to it.</param>
public sealed record VcpuCounts(
    IReadOnlyDictionary<string, ulong> Exits, IReadOnlyDictionary<HypercallNumber, ulong> Hypercalls, IReadOnlyDictionary<byte, ulong> Exceptions,
    ulong BytesIn, ulong BytesOut);

/// <summary>What the hypervisor counts, for the toolstack. Any thread.</summary>
public interface IDomainStatistics
{
    /// <summary>The vCPUs of a domain that have a state; null when there is no such domain.</summary>
    IReadOnlyList<VcpuStatistics>? Measure(DomId domain);
}
