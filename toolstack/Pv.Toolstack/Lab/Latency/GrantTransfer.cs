using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Latency;

/// <summary>Bytes of Dom0's brought into a guest: copied by the hypervisor, or mapped, copied by the guest, and unmapped.</summary>
internal sealed class GrantTransfer
{
    private readonly ILabGuest _guest;
    private readonly LabProgram _steps = new();
    private readonly List<ulong> _statuses = [];
    private LoadedProgram? _program;

    private GrantTransfer(ILabGuest guest)
    {
        _guest = guest;
    }

    /// <summary>By one <c>GNTTABOP_copy</c> with an element for each page.</summary>
    public static GrantTransfer Copy(ILabGuest guest, int bytes)
    {
        var buffer = Buffer(guest, bytes);
        var rows = Pages(bytes).Select(page => new GrantTableCopy
        {
            Source = new GrantCopyPointer { Ref = guest.Granted[page.Index], Domain = DomId.Dom0 },
            Destination = new GrantCopyPointer { Gmfn = guest.FrameOf(buffer + page.Offset), Domain = DomId.Self },
            Length = (ushort)page.Bytes, Flags = GrantCopyFlags.SourceGrantRef,
        }).ToArray();
        var transfer = new GrantTransfer(guest);
        transfer.Call(GrantTableOperation.Copy, rows, statusAt: 36);
        return transfer;
    }

    /// <summary>By one call that maps all pages, one copy, and one call that unmaps them.</summary>
    public static GrantTransfer Map(ILabGuest guest, int bytes)
    {
        const int handleOfMap = 20, handleOfUnmap = 16;
        var buffer = Buffer(guest, bytes);
        var pages = Pages(bytes).ToArray();
        var transfer = new GrantTransfer(guest);
        var maps = transfer.Call(GrantTableOperation.MapGrantRef, pages.Select(page => new GrantTableMapGrantRef
        {
            HostAddress = guest.Window + page.Offset, Flags = GrantMapFlags.HostMap | GrantMapFlags.ReadOnly, Ref = guest.Granted[page.Index], Domain = DomId.Dom0,
        }).ToArray(), statusAt: 18);
        foreach (var page in pages)
            transfer._steps.Copy(guest.Window + page.Offset, buffer + page.Offset, 1, page.Bytes, 0, 0);
        transfer.Call(GrantTableOperation.UnmapGrantRef, pages.Select(page => new GrantTableUnmapGrantRef { HostAddress = guest.Window + page.Offset }).ToArray(), statusAt: 20,
            unmaps => transfer._steps.Copy(maps + handleOfMap, unmaps + handleOfUnmap, pages.Length, sizeof(uint), GrantTableMapGrantRef.WireSize, GrantTableUnmapGrantRef.WireSize));
        return transfer;
    }

    /// <summary>Does it so many times. Returns nanoseconds for one.</summary>
    /// <exception cref="ToolstackLabException">The hypervisor refused.</exception>
    public double Run(ulong times)
    {
        var run = _guest.Run(_program ??= _guest.Load(_steps), times);
        foreach (var status in _statuses)
        {
            if ((GrantStatus)_guest.Area.Read<short>(status) is not GrantStatus.Okay and var refused)
                throw new ToolstackLabException($"A grant operation on {_guest.Engine.Name} failed: {refused}.");
        }
        return run.Nanoseconds / times;
    }

    private static ulong Buffer(ILabGuest guest, int bytes) => guest.Area.Take(bytes, PageSize.Bytes);

    private static IEnumerable<(int Index, ulong Offset, int Bytes)> Pages(int bytes)
    {
        for (var i = 0; i * PageSize.Bytes < bytes; i++)
            yield return (i, (ulong)i << PageSize.Shift, Math.Min(PageSize.Bytes, bytes - (i * PageSize.Bytes)));
    }

    /// <summary>Fills the rows in, which go to the returned address, and calls.</summary>
    private ulong Call<T>(GrantTableOperation operation, T[] rows, int statusAt, Action<ulong>? beforeCall = null) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(rows.AsSpan());
        var (ready, at) = (_guest.Area.Take(bytes), _guest.Area.Take(bytes.Length));
        _steps.Fill(ready, at, bytes.Length);
        beforeCall?.Invoke(at);
        var stride = bytes.Length / rows.Length;
        _statuses.AddRange(rows.Select((_, i) => at + (ulong)((i * stride) + statusAt)));
        _steps.Call(HypercallNumber.GrantTableOp, (ulong)operation, at, (ulong)rows.Length);
        return at;
    }
}
