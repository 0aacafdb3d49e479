using Pv.Machine.Gate;

namespace Pv.SystemTests.Traces;

/// <summary>A whole call of a guest, and what it left in page tables.</summary>
/// <param name="Call">The call as the guest made it, continuations joined.</param>
/// <param name="Stored">
/// For <c>mmu_update</c> what stood at each element's address after the call, for <c>update_va_mapping</c> the L1 entry of the address;
/// empty where nothing is known.
/// </param>
internal sealed record ObservedCall(TracedHypercall Call, IReadOnlyList<ulong> Stored);
