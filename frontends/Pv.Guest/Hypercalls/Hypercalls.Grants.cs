using Pv.Abi;

namespace Pv.Guest;

/// <content><c>grant_table_op</c> (<c>public/grant_table.h</c>).</content>
public sealed partial class Hypercalls
{
    /// <summary>Maps foreign frames. Each row has a status of its own.</summary>
    public Errno MapGrants(Span<GrantTableMapGrantRef> rows) => GrantRows(GrantTableOperation.MapGrantRef, rows);

    /// <summary>Unmaps foreign frames. Each row has a status of its own.</summary>
    public Errno UnmapGrants(Span<GrantTableUnmapGrantRef> rows) => GrantRows(GrantTableOperation.UnmapGrantRef, rows);

    /// <summary>Copies between frames of the caller and granted ones. Each row has a status of its own.</summary>
    public Errno CopyGrants(Span<GrantTableCopy> rows) => GrantRows(GrantTableOperation.Copy, rows);

    /// <summary>How many frames a domain's grant table has and may have.</summary>
    public Errno QueryGrantTable(ref GrantTableQuerySize query) => GrantOperation(GrantTableOperation.QuerySize, ref query);

    /// <summary>Chooses the version of the caller's grant entries: 1.</summary>
    public Errno SetGrantVersion(ref GrantTableSetVersion version) => GrantOperation(GrantTableOperation.SetVersion, ref version);

    private Errno GrantOperation<T>(GrantTableOperation operation, ref T argument) where T : unmanaged
    {
        using var scope = _pages.Stack.Enter();
        var pushed = scope.Push(ref argument);
        var result = Call(HypercallNumber.GrantTableOp, (ulong)operation, pushed.Address, 1);
        scope.Read(pushed, ref argument);
        return ErrnoOf(result);
    }

    private Errno GrantRows<T>(GrantTableOperation operation, Span<T> rows) where T : unmanaged
    {
        while (!rows.IsEmpty)
        {
            var part = rows[..Math.Min(rows.Length, ArgumentStack.Capacity / WireSize<T>.Bytes)];
            var errno = ErrnoOf(CallRow(HypercallNumber.GrantTableOp, (ulong)operation, part));
            if (errno != Errno.None)
                return errno;
            rows = rows[part.Length..];
        }
        return Errno.None;
    }
}
