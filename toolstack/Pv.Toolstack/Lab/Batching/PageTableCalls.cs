using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>
/// Changes a page's mapping to read-only, and back: every item is two operations, each of which changes an entry and the use of its frame.
/// No flush is asked for, so that both calls do the same work.
/// </summary>
internal abstract class PageTableCall(string name, string title) : LabCall(name, title)
{
    private const ulong ReadOnly = 0x61, Writable = 0x63;

    public override bool NeedsTables => true;

    public override int OperationsAnItem => 2;

    public override IReadOnlyList<CallPhase> Prepare(ILabGuest guest)
    {
        var pages = Enumerable.Range(0, LabSizes.Items).Select(i => guest.Targets + ((ulong)i << PageSize.Shift)).ToArray();
        var frames = pages.Select(guest.FrameOf).ToArray();
        return [Phase(guest, pages, [.. frames.Select(frame => (frame << PageSize.Shift) | ReadOnly)]), Phase(guest, pages, [.. frames.Select(frame => (frame << PageSize.Shift) | Writable)])];
    }

    protected abstract CallPhase Phase(ILabGuest guest, ulong[] pages, ulong[] entries);
}

/// <summary><c>update_va_mapping</c>: by the address; it takes no list.</summary>
internal sealed class UpdateVaMappingCall() : PageTableCall("update-va-mapping", "update_va_mapping")
{
    public override bool HasList => false;

    protected override CallPhase Phase(ILabGuest guest, ulong[] pages, ulong[] entries)
        => new(HypercallNumber.UpdateVaMapping, i => [pages[i], entries[i], 0]);
}

/// <summary><c>mmu_update</c>: by the entry's machine address, any number at once.</summary>
internal sealed class MmuUpdateCall() : PageTableCall("mmu-update", "mmu_update")
{
    protected override CallPhase Phase(ILabGuest guest, ulong[] pages, ulong[] entries)
    {
        var at = guest.Area.Take(LabSizes.Items * MmuUpdate.WireSize);
        return new CallPhase(HypercallNumber.MmuUpdate, i => [at + (ulong)(i * MmuUpdate.WireSize), 1, 0, DomId.Self.Value])
        {
            Arguments = Rows(i => (guest.EntryOf(pages[i]), entries[i])),
            ArgumentBytes = MmuUpdate.WireSize,
            ArgumentsAt = at,
            ListRegisters = (first, count) => [at + (ulong)(first * MmuUpdate.WireSize), (ulong)count, 0, DomId.Self.Value],
        };
    }
}
