using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>
/// Gives a frame back (<c>XENMEM_decrease_reservation</c>) and takes one (<c>XENMEM_populate_physmap</c>): one operation, as a balloon does it.
/// A real kernel is told which machine frames it gets; it gives back those the next time.
/// </summary>
internal sealed class MemoryCall() : LabCall("memory-op", "give a frame back and take one (memory_op)")
{
    private const ulong FirstNumber = 7168;
    private const int StructBytes = MemoryReservation.WireSize, ExtentBytes = sizeof(ulong);

    public override IReadOnlyList<CallPhase> Prepare(ILabGuest guest)
    {
        var isTranslated = !guest.Engine.OwnsTables;
        var given = guest.Area.Take(MemoryMarshal.AsBytes(guest.Spare.ToArray().AsSpan()));
        var taken = isTranslated ? given : guest.Area.Take(MemoryMarshal.AsBytes(guest.Spare.ToArray().AsSpan()));
        // Where a kernel wants the frames: numbers of its own that stay the same, beyond all others that it uses.
        var wanted = isTranslated ? 0 : guest.Area.Take(Rows(i => FirstNumber + (ulong)i));
        return
        [
            // The frames stand there already.
            Phase(guest, MemoryOperation.DecreaseReservation, given),
            Phase(guest, MemoryOperation.PopulatePhysmap, taken) with
            {
                BeforeCall = isTranslated ? null : (program, first, count) => program.Fill(wanted + (ulong)(first * ExtentBytes), taken + (ulong)(first * ExtentBytes), count * ExtentBytes),
                AfterCall = isTranslated ? null : (program, first, count) => program.Copy(
                    taken + (ulong)(first * ExtentBytes), given + (ulong)(first * ExtentBytes), count, ExtentBytes, ExtentBytes, ExtentBytes),
            },
        ];
    }

    private static CallPhase Phase(ILabGuest guest, MemoryOperation operation, ulong extents)
    {
        var at = guest.Area.Take(LabSizes.Items * StructBytes);
        var listAt = guest.Area.Take(LabSizes.Items * StructBytes);
        var lists = new Dictionary<(int, int), ulong>();
        return new CallPhase(HypercallNumber.MemoryOp, i => [(ulong)operation, at + (ulong)(i * StructBytes)])
        {
            Arguments = Rows(i => Reservation(extents, i, 1)),
            ArgumentBytes = StructBytes,
            ArgumentsAt = at,
            ListRegisters = (first, _) => [(ulong)operation, listAt + (ulong)(first * StructBytes)],
            FillList = (program, first, count) =>
            {
                if (!lists.TryGetValue((first, count), out var source))
                {
                    var reservation = Reservation(extents, first, count);
                    lists[(first, count)] = source = guest.Area.Take(MemoryMarshal.AsBytes(new Span<MemoryReservation>(ref reservation)));
                }
                program.Fill(source, listAt + (ulong)(first * StructBytes), StructBytes);
            },
            Expected = count => count,
        };
    }

    private static MemoryReservation Reservation(ulong extents, int first, int count)
        => new() { ExtentStart = extents + (ulong)(first * ExtentBytes), ExtentCount = (ulong)count, Domain = DomId.Self };
}
