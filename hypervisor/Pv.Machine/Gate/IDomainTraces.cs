using Pv.Abi;

namespace Pv.Machine.Gate;

/// <summary>What a handler copied from or to its caller's memory.</summary>
public readonly record struct TracedBytes(ulong Address, byte[] Content);

/// <summary>One hypercall as a trace keeps it.</summary>
/// <param name="Sequence">The place among the domain's traced calls, from 1.</param>
/// <param name="Vcpu">Who called.</param>
/// <param name="Arguments">The registers at entry.</param>
/// <param name="PageTables">The root of the page tables that the vCPU ran on at entry (cr3); meaningless for an auto-translated domain.</param>
/// <param name="Time">System time at entry, in nanoseconds.</param>
/// <param name="Result">What rax got.</param>
/// <param name="Continued">The call did not finish: the same <c>syscall</c> comes again as a record of its own.</param>
/// <param name="NoResult">The call set all registers itself (<c>iret</c>).</param>
/// <param name="Inputs">What was copied in, in order.</param>
/// <param name="Outputs">What was copied out, in order.</param>
/// <param name="Truncated">More was copied than is kept.</param>
public sealed record TracedHypercall(
    ulong Sequence, VcpuId Vcpu, HypercallRegisters Arguments, ulong PageTables, ulong Time, long Result, bool Continued, bool NoResult,
    IReadOnlyList<TracedBytes> Inputs, IReadOnlyList<TracedBytes> Outputs, bool Truncated)
{
    /// <summary>Set for a call that came from the vCPU's queue of asynchronous hypercalls, for which the vCPU did not enter the hypervisor.</summary>
    public QueuedCall? Queued { get; init; }
}

/// <summary>How a call came from a queue.</summary>
/// <param name="Index">The submission's index, and that of its completion: those that wrap.</param>
/// <param name="Cookie">What the guest knows it by.</param>
/// <param name="WokeUp">The service slept before it and was woken.</param>
/// <param name="Waited">It had to wait because the guest had not read the completions of others.</param>
public readonly record struct QueuedCall(uint Index, long Cookie, bool WokeUp, bool Waited);

/// <summary>How often a traced domain entered the hypervisor, by kind. What came from queues is not among them.</summary>
public sealed record TraceCounts(IReadOnlyDictionary<HypercallNumber, ulong> Hypercalls, IReadOnlyDictionary<byte, ulong> Exceptions);

/// <summary>The traces of the domains, for the toolstack. Any thread.</summary>
public interface IDomainTraces
{
    /// <summary>Switches a domain's trace; off costs the domain nothing. False when there is no such domain.</summary>
    bool TrySwitch(DomId domain, bool on);

    /// <summary>What is kept of a domain's calls, oldest first; null when there is no such domain.</summary>
    IReadOnlyList<TracedHypercall>? Read(DomId domain);

    /// <summary>Counts since the trace was switched on; null when there is no such domain.</summary>
    TraceCounts? Count(DomId domain);
}
