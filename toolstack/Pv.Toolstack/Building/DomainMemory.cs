using Pv.Abi;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.Toolstack.Building;

/// <summary>Gives a new domain its memory, in large extents as far as there are such.</summary>
internal static class DomainMemory
{
    /// <summary>2 MiB.</summary>
    private const int LargeOrder = 9;

    /// <summary>Populates pages 0 up to <paramref name="pages"/>, and returns the machine frame of each (meaningless for an auto-translated domain).</summary>
    /// <exception cref="ToolstackException">The host has not so much memory.</exception>
    public static ulong[] Populate(HypervisorControl control, DomId domain, ulong pages)
    {
        var free = control.PhysicalInfo().FreePages;
        if (free < pages)
            throw TooLarge(pages, free);
        var frames = new ulong[pages];
        var large = PopulateLarge(control, domain, frames);
        var rest = Enumerable.Range(large, frames.Length - large).Select(pfn => (ulong)pfn).ToArray();
        if (control.Populate(domain, rest, 0, rest.Length, order: 0) != rest.Length)
            throw TooLarge(pages, control.PhysicalInfo().FreePages);
        rest.CopyTo(frames, large);
        return frames;
    }

    /// <summary>Fills the front of the row with whole extents; returns how many pages that were.</summary>
    private static int PopulateLarge(HypervisorControl control, DomId domain, ulong[] frames)
    {
        var extents = Enumerable.Range(0, frames.Length >> LargeOrder).Select(extent => (ulong)extent << LargeOrder).ToArray();
        var given = extents.Length == 0 ? 0 : control.Populate(domain, extents, 0, extents.Length, LargeOrder);
        for (var pfn = 0; pfn < given << LargeOrder; pfn++)
            frames[pfn] = extents[pfn >> LargeOrder] + (ulong)(pfn & ((1 << LargeOrder) - 1));
        return given << LargeOrder;
    }

    private static ToolstackException TooLarge(ulong pages, ulong free)
        => new($"The domain needs {(pages + 255) / 256} MiB of memory, and the host has {free / 256} MiB free.", 3);
}
