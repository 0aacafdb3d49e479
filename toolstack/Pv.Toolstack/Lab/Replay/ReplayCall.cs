using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>One hypercall of a traced guest.</summary>
/// <param name="Processor">Who made it: calls of one processor are each other's neighbours.</param>
/// <param name="Registers">Number and arguments.</param>
/// <param name="Entries">Of a multicall, the calls in it; else none.</param>
public sealed record ReplayCall(ulong Processor, HypercallRegisters Registers, IReadOnlyList<HypercallRegisters> Entries)
{
    public HypercallNumber Number => (HypercallNumber)Registers.Number;
}

/// <summary>One call by itself, whether it entered the hypervisor alone or in a multicall.</summary>
/// <param name="Registers">Number and arguments.</param>
/// <param name="Begins">It entered the hypervisor, alone or as the first of those in a multicall.</param>
internal readonly record struct SingleCall(HypercallRegisters Registers, bool Begins)
{
    public HypercallNumber Number => (HypercallNumber)Registers.Number;
}
