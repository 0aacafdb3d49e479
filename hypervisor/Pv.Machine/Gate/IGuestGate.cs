using Pv.Abi;

namespace Pv.Machine.Gate;

/// <summary>
/// What an auto-translated C# domain (a C# guest, or Dom0) has in place of a processor: hypercalls, its memory, the time-stamp counter.
/// </summary>
public interface IGuestGate : IHypercallDoor
{
    DomId Domain { get; }

    /// <summary>How many pseudo-physical frames the domain started with: 0 up to this are memory, unless given back.</summary>
    ulong InitialFrames { get; }

    /// <summary>The frame of <c>struct start_info</c>, whose frame numbers are pseudo-physical ones.</summary>
    Pfn StartInfo { get; }

    /// <summary>
    /// A view of one of the domain's pseudo-physical frames, or of a foreign frame mapped at that number (by a grant, or by
    /// <c>XENMEM_add_to_physmap</c>). The view must not be used after the frame was unmapped or given back.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Nothing is mapped there.</exception>
    SharedPage Page(Pfn pfn);

    /// <summary>The time-stamp counter, which <c>struct vcpu_time_info</c> relates to system time.</summary>
    ulong ReadTsc();

    /// <summary>The hypervisor wants the pCPU back: yield at the next chance. Always false for Dom0.</summary>
    bool YieldRequested { get; }

    /// <summary>
    /// Crashes the domain with that reason, soon. Any thread: this is how code of a C# guest that went astray on a thread which is not
    /// its vCPU's is caught. Nothing happens to a domain that is gone.
    /// </summary>
    void Crash(string reason);
}

/// <summary>
/// A C# kernel as the managed engine enters it. All calls come on pCPU threads, one at a time; nothing of the kernel may run elsewhere.
/// </summary>
public interface IManagedKernel
{
    /// <summary>
    /// Runs the vCPU's turns: delivers pending event channels (unless the upcall mask is set), then continues whatever can go on.
    /// Returns when nothing can go on, or soon after <see cref="IGuestGate.YieldRequested"/> became true.
    /// An exception that escapes crashes the domain with that reason.
    /// </summary>
    TurnOutcome RunTurns();
}

/// <summary>Why a C# kernel gave its vCPU back.</summary>
public enum TurnOutcome
{
    /// <summary>Nothing to do until an event channel becomes pending (a timer comes as one, too).</summary>
    Idle,

    /// <summary>There is more to do.</summary>
    Yielded,
}

/// <summary>Makes a C# kernel for a new domain. Called once, on the first turn of its first vCPU.</summary>
public delegate IManagedKernel ManagedKernelFactory(IGuestGate gate);

/// <summary>Where the toolstack leaves the C# kernel of a domain it builds, for the managed engine to enter.</summary>
public interface IManagedKernels
{
    /// <summary>Gives domain <paramref name="domain"/> its kernel. Before the domain's first unpause.</summary>
    void Assign(DomId domain, ManagedKernelFactory kernel);
}
