using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>
/// One of the hypercalls that an operation is made of (a grant is mapped, then unmapped): how it is made for each item, alone or for a row
/// of them.
/// </summary>
/// <param name="Number">The hypercall.</param>
/// <param name="Registers">Its arguments for one item.</param>
internal sealed record CallPhase(HypercallNumber Number, Func<int, ulong[]> Registers)
{
    /// <summary>The arguments in memory of all items, one behind the other; empty for a call that has none.</summary>
    public byte[] Arguments { get; init; } = [];

    /// <summary>Bytes of an item's, a multiple of eight.</summary>
    public int ArgumentBytes { get; init; }

    /// <summary>Where the call expects those of the first item.</summary>
    public ulong ArgumentsAt { get; init; }

    /// <summary>Its arguments for a row (the first item, how many), or null where it takes no list.</summary>
    public Func<int, int, ulong[]>? ListRegisters { get; init; }

    /// <summary>What a list takes instead of the items' arguments; null for just those.</summary>
    public Action<LabProgram, int, int>? FillList { get; init; }

    /// <summary>The hypervisor is not entered: everything but the call is done.</summary>
    public bool IsOmitted { get; init; }

    /// <summary>Behind the filling: what an earlier phase has left for this one.</summary>
    public Action<LabProgram, int, int>? BeforeCall { get; init; }

    /// <summary>Behind the call: what it has left for the next round.</summary>
    public Action<LabProgram, int, int>? AfterCall { get; init; }

    /// <summary>What a call for so many items returns when it has succeeded.</summary>
    public Func<int, long> Expected { get; init; } = _ => 0;

    /// <summary>Whether the item at this address, as the call left it, says that it succeeded.</summary>
    public Func<LabArea, ulong, bool>? Succeeded { get; init; }
}
