using Pv.Abi;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>What shall happen to the vCPU after a hypercall. Handlers return it; only the vCPU's loop acts on it.</summary>
internal enum HypercallOutcome : byte
{
    /// <summary>The value goes to rax.</summary>
    Done,

    /// <summary>
    /// The work is not done and the pCPU is wanted: the same <c>syscall</c> is executed again, with the arguments that the handler left in the
    /// context. The guest sees nothing but time.
    /// </summary>
    Continue,

    /// <summary>The value goes to rax, and the vCPU waits for an event.</summary>
    Block,

    /// <summary>The value goes to rax, and others may go first.</summary>
    Yield,

    /// <summary>The handler set all registers itself.</summary>
    RegistersSet,
}

/// <summary>A hypercall's result: a value for rax and what shall happen then.</summary>
/// <param name="Outcome">What shall happen.</param>
/// <param name="Value">What rax gets.</param>
/// <param name="Rerun">With a block or yield inside a multicall: afterwards the same <c>syscall</c> is executed again, for the entries that remain.</param>
internal readonly record struct HypercallResult(HypercallOutcome Outcome, long Value, bool Rerun = false)
{
    public static readonly HypercallResult Success = new(HypercallOutcome.Done, 0);

    public static readonly HypercallResult Again = new(HypercallOutcome.Continue, 0);

    public static implicit operator HypercallResult(Errno errno) => new(HypercallOutcome.Done, errno.ToReturn());

    public static implicit operator HypercallResult(long value) => new(HypercallOutcome.Done, value);

    public bool Failed => Outcome == HypercallOutcome.Done && Value < 0;
}
