using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>
/// A range of addresses that the first page tables map to consecutive pages, and the page-table pages that it adds:
/// consecutive too, from the highest level down.
/// </summary>
public sealed class BootMapping
{
    /// <summary>The level of the root: a page of level N is pointed at by entries of level N + 1.</summary>
    public const int Levels = 4;

    private const int IndexBits = 9;
    private const ulong AddressMask = (1ul << 48) - 1;

    private readonly PfnRange[] _tables = new PfnRange[Levels];
    private readonly ulong[] _firstIndex = new ulong[Levels];

    /// <summary>Counts the tables that a range needs.</summary>
    /// <param name="start">The first address, at the start of a page.</param>
    /// <param name="last">The last address, which may be the last of all.</param>
    /// <param name="pages">The first of the pages that are mapped.</param>
    /// <param name="tables">The first page that is free for page tables.</param>
    /// <param name="above">A mapping at higher addresses, whose tables serve this one, too, where they reach; null for the first, which has the root.</param>
    internal BootMapping(ulong start, ulong last, Pfn pages, Pfn tables, BootMapping? above)
    {
        Start = start;
        Last = last;
        Pages = new PfnRange(pages, ((last - start) >> PageSize.Shift) + 1);

        var next = tables;
        for (var level = Levels; level >= 1; level--)
        {
            var shift = ShiftOf(level + 1);
            ulong first = (start & AddressMask) >> shift, end = ((last & AddressMask) >> shift) + 1;
            if (above is not null)
                end = Math.Min(end, above._firstIndex[level - 1]);
            var count = end > first ? end - first : 0;
            _firstIndex[level - 1] = first;
            _tables[level - 1] = new PfnRange(next, count);
            next = next.Plus(count);
        }

        Tables = new PfnRange(tables, next.Value - tables.Value);
    }

    /// <summary>The first address.</summary>
    public ulong Start { get; }

    /// <summary>The last address, inclusive.</summary>
    public ulong Last { get; }

    /// <summary>The pages that are mapped.</summary>
    public PfnRange Pages { get; }

    /// <summary>All the page-table pages that this mapping adds.</summary>
    public PfnRange Tables { get; }

    /// <summary>The page-table pages of one level, 1 to 4.</summary>
    public PfnRange TablesOf(int level) => _tables[level - 1];

    /// <summary>The address of the first byte that a table maps.</summary>
    internal ulong AddressOf(int level, Pfn table) => (_firstIndex[level - 1] + (table.Value - _tables[level - 1].First.Value)) << ShiftOf(level + 1);

    /// <summary>The page with the table of a level that an address goes through, if this mapping has it.</summary>
    internal Pfn? TableFor(int level, ulong address)
    {
        var index = (address & AddressMask) >> ShiftOf(level + 1);
        var tables = _tables[level - 1];
        var first = _firstIndex[level - 1];
        return index >= first && index - first < tables.Count ? tables.First.Plus(index - first) : null;
    }

    /// <summary>Which entry of a table of a level an address goes through.</summary>
    internal static int EntryIndex(int level, ulong address) => (int)(address >> ShiftOf(level)) & ((1 << IndexBits) - 1);

    // What one entry of the level spans, as a power of two.
    private static int ShiftOf(int level) => PageSize.Shift + ((level - 1) * IndexBits);
}
