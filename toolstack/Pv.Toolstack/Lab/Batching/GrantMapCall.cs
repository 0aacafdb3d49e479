using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>Maps a page that Dom0 has granted, and unmaps it: one operation. The handle goes from the one to the other, as it must.</summary>
internal sealed class GrantMapCall() : LabCall("grant-map", "grant map and unmap")
{
    private const int MapBytes = GrantTableMapGrantRef.WireSize, UnmapBytes = GrantTableUnmapGrantRef.WireSize;
    private const int MapStatus = 18, MapHandle = 20, UnmapHandle = 16, UnmapStatus = 20;

    public override IReadOnlyList<CallPhase> Prepare(ILabGuest guest)
    {
        var (mapAt, unmapAt) = (guest.Area.Take(LabSizes.Items * MapBytes), guest.Area.Take(LabSizes.Items * UnmapBytes));
        return
        [
            Phase(GrantTableOperation.MapGrantRef, mapAt, MapBytes, MapStatus) with
            {
                Arguments = Rows(i => new GrantTableMapGrantRef
                {
                    HostAddress = AddressOf(guest, i), Flags = GrantMapFlags.HostMap, Ref = guest.Granted[i % LabSizes.GrantedFrames], Domain = DomId.Dom0,
                }),
            },
            Phase(GrantTableOperation.UnmapGrantRef, unmapAt, UnmapBytes, UnmapStatus) with
            {
                Arguments = Rows(i => new GrantTableUnmapGrantRef { HostAddress = AddressOf(guest, i) }),
                BeforeCall = (program, first, count) => program.Copy(
                    mapAt + (ulong)(first * MapBytes) + MapHandle, unmapAt + (ulong)(first * UnmapBytes) + UnmapHandle, count, sizeof(uint), MapBytes, UnmapBytes),
            },
        ];
    }

    private static ulong AddressOf(ILabGuest guest, int item) => guest.Window + ((ulong)item << PageSize.Shift);

    private static CallPhase Phase(GrantTableOperation operation, ulong at, int bytes, int statusAt)
        => new(HypercallNumber.GrantTableOp, i => [(ulong)operation, at + (ulong)(i * bytes), 1])
        {
            ArgumentBytes = bytes,
            ArgumentsAt = at,
            ListRegisters = (first, count) => [(ulong)operation, at + (ulong)(first * bytes), (ulong)count],
            Succeeded = (area, item) => area.Read<short>(item + (ulong)statusAt) == 0,
        };
}
