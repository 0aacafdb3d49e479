using Pv.Abi;
using Pv.Toolstack.Building;

namespace Pv.Tests.Building;

/// <summary>A domain's memory for tests: only what is touched exists, and machine frames are nothing like page numbers.</summary>
public sealed class DomainMemoryModel(ulong pages) : IDomainMemory
{
    private const ulong FirstMfn = 0x123000;
    private readonly Dictionary<ulong, byte[]> _pages = [];

    /// <summary>How many pages were touched.</summary>
    public int TouchedPages => _pages.Count;

    public Span<byte> Page(Pfn pfn)
    {
        if (pfn.Value >= pages)
            throw new ArgumentOutOfRangeException(nameof(pfn), $"{pfn} of {pages} pages");
        if (!_pages.TryGetValue(pfn.Value, out var page))
            _pages[pfn.Value] = page = new byte[PageSize.Bytes];
        return page;
    }

    public Mfn MfnOf(Pfn pfn) => new(FirstMfn + pages - 1 - pfn.Value);

    /// <summary>The page behind a machine frame.</summary>
    public Pfn PfnOf(Mfn mfn) => new(FirstMfn + pages - 1 - mfn.Value);

    /// <summary>Where an address leads under a root, and the entry that says so; null when it is not mapped.</summary>
    public (Pfn Pfn, ulong Entry)? Walk(Pfn root, ulong address)
    {
        var table = root;
        for (var level = 4; ; level--)
        {
            var entry = BitConverter.ToUInt64(Page(table)[(((int)(address >> (12 + ((level - 1) * 9))) & 511) * 8)..]);
            if ((entry & 1) == 0)
                return null;
            var pfn = PfnOf(new Mfn((entry & 0x000ffffffffff000) >> 12));
            if (level == 1)
                return (pfn, entry);
            if ((entry & 0xfff) != 0x67)
                throw new InvalidOperationException($"level {level} has the entry 0x{entry:x}");
            table = pfn;
        }
    }

    /// <summary>Bytes at an address under a root.</summary>
    public byte[] Read(Pfn root, ulong address, int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = Page(Walk(root, address + (ulong)i)!.Value.Pfn)[(int)((address + (ulong)i) & 4095)];
        return bytes;
    }

    /// <summary>How many entries of a level-1 table are in use below a table.</summary>
    public int CountMapped(Pfn table, int level = 4)
    {
        var count = 0;
        for (var i = 0; i < 512; i++)
        {
            var entry = BitConverter.ToUInt64(Page(table)[(i * 8)..]);
            if ((entry & 1) != 0)
                count += level == 1 ? 1 : CountMapped(PfnOf(new Mfn((entry & 0x000ffffffffff000) >> 12)), level - 1);
        }

        return count;
    }
}
