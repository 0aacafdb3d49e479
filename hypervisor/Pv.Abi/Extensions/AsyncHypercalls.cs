namespace Pv.Abi;

/// <summary>
/// Asynchronous hypercalls, an extension that Xen does not have: how a guest finds them, and their numbers. <c>docs/async-hypercalls.md</c>
/// specifies them.
/// </summary>
public static class AsyncHypercalls
{
    /// <summary>The hypercall's number. Xen's x86 takes the architecture's numbers from the lowest on (48, and 49 for itself); this is the highest.</summary>
    public const HypercallNumber Number = HypercallNumber.Arch7;

    /// <summary>The version of the interface, as <see cref="AsyncOperation.Query"/> answers it.</summary>
    public const uint Version = 1;

    /// <summary>In <see cref="ArchDomainConfig.MiscellaneousFlags"/>: the domain may have queues. Xen has given out bits from the lowest on.</summary>
    public const uint CreateFlag = 1u << 31;

    /// <summary>
    /// The leaves by which a kernel finds the extension. Xen's own begin at 0x40000000, or at 0x40000100 where Viridian's take that place; who
    /// looks for a hypervisor looks at every multiple of 0x100.
    /// </summary>
    public const uint FirstLeaf = 0x4000_0200, LastLeaf = FirstLeaf + 1;

    /// <summary>The first leaf's <c>ebx</c>, <c>ecx</c>, <c>edx</c>: <c>PvAsyncCalls</c>.</summary>
    public const uint SignatureEbx = 0x73417650, SignatureEcx = 0x43636e79, SignatureEdx = 0x736c6c61;

    /// <summary>The most entries that a queue may have: a power of two.</summary>
    public const uint MostEntries = 1024;

    /// <summary>How many frames a queue of so many entries takes: the header, the completions, the submissions.</summary>
    public static int FrameCount(uint entries) => 1 + CompletionFrames(entries) + SubmissionFrames(entries);

    /// <summary>How many of them hold completions.</summary>
    public static int CompletionFrames(uint entries) => (int)((entries * AsyncCompletion.WireSize + PageSize.Bytes - 1) / PageSize.Bytes);

    /// <summary>How many of them hold submissions.</summary>
    public static int SubmissionFrames(uint entries) => (int)((entries * MulticallEntry.WireSize + PageSize.Bytes - 1) / PageSize.Bytes);
}
