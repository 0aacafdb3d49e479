using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary><c>GNTTABOP_copy</c> of a page into one that Dom0 has granted.</summary>
/// <param name="bytes">How much of the page.</param>
internal sealed class GrantCopyCall(int bytes = PageSize.Bytes) : LabCall("grant-copy", $"grant copy of {bytes} bytes")
{
    private const int CopyBytes = GrantTableCopy.WireSize, CopyStatus = 36;

    public override IReadOnlyList<CallPhase> Prepare(ILabGuest guest)
    {
        var at = guest.Area.Take(LabSizes.Items * CopyBytes);
        var sources = guest.Area.Take(LabSizes.GrantedFrames * PageSize.Bytes, PageSize.Bytes);
        return
        [
            new CallPhase(HypercallNumber.GrantTableOp, i => [(ulong)GrantTableOperation.Copy, at + (ulong)(i * CopyBytes), 1])
            {
                Arguments = Rows(i => Row(guest, sources, i % LabSizes.GrantedFrames)),
                ArgumentBytes = CopyBytes,
                ArgumentsAt = at,
                ListRegisters = (first, count) => [(ulong)GrantTableOperation.Copy, at + (ulong)(first * CopyBytes), (ulong)count],
                Succeeded = (area, item) => area.Read<short>(item + CopyStatus) == 0,
            },
        ];
    }

    private GrantTableCopy Row(ILabGuest guest, ulong sources, int page) => new()
    {
        Source = new GrantCopyPointer { Gmfn = guest.FrameOf(sources + ((ulong)page << PageSize.Shift)), Domain = DomId.Self },
        Destination = new GrantCopyPointer { Ref = guest.Granted[page], Domain = DomId.Dom0 },
        Length = (ushort)bytes,
        Flags = GrantCopyFlags.DestinationGrantRef,
    };
}
