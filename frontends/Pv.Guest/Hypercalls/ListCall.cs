using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// A hypercall whose argument is a list, but for the list: neighbours in a batch that are the same but for theirs become one call with one
/// list, as Linux makes them for <c>mmu_update</c> and <c>mmuext_op</c>.
/// </summary>
public readonly record struct ListCall
{
    private ListCall(HypercallNumber number, bool hasOperation, ulong other)
    {
        (Number, HasOperation, Other) = (number, hasOperation, other);
    }

    internal HypercallNumber Number { get; }

    /// <summary>(operation, list, count), or else (list, count, where to tell how many were done, domain).</summary>
    internal bool HasOperation { get; }

    /// <summary>The operation, or the domain.</summary>
    internal ulong Other { get; }

    /// <summary>Changes of page tables; elements: <see cref="Abi.MmuUpdate"/>. The domain whose they are, and that of the frames, as the call takes them.</summary>
    public static ListCall MmuUpdate(uint domains) => new(HypercallNumber.MmuUpdate, false, domains);

    /// <summary>Pins, flushes and the like; elements: <see cref="Abi.MmuExt"/>.</summary>
    public static ListCall MmuExt(DomId domain) => new(HypercallNumber.MmuExtOp, false, domain.Value);

    /// <summary>An operation of the grant table; elements: its argument, with a status of its own each.</summary>
    public static ListCall Grants(GrantTableOperation operation) => new(HypercallNumber.GrantTableOp, true, (ulong)operation);

    /// <summary>Which of the call's arguments is the count; the list's address stands before it.</summary>
    internal int CountArgument => HasOperation ? 2 : 1;
}

/// <summary>An element of a list in a batch.</summary>
/// <param name="Call">The index of the call that has it.</param>
/// <param name="Index">Its place in the list.</param>
public readonly record struct ListElement(int Call, int Index);
