namespace Pv.Tests.Instructions;

/// <summary>
/// The address space that every row runs in, on the processor and on an engine alike: two pages of code, data pages with unmapped
/// neighbours, a read-only page, a stack, and a data page above 4 GiB whose low 32 address bits are those of <see cref="Data"/>.
/// </summary>
internal static class Arena
{
    public const int PageBytes = 4096;

    /// <summary>Two pages, readable and executable; filled with int3. Unmapped before and behind.</summary>
    public const ulong Code = 0x2000_1000;
    public const int CodeBytes = 2 * PageBytes;

    /// <summary>Two writable pages, followed by <see cref="ReadOnly"/>, followed by nothing.</summary>
    public const ulong Data = 0x2001_1000;
    public const ulong ReadOnly = Data + 2 * PageBytes;
    public const ulong Unmapped = ReadOnly + PageBytes;

    /// <summary>One writable page between unmapped ones.</summary>
    public const ulong Stack = 0x2002_1000;

    /// <summary>One page above 4 GiB between unmapped ones, writable and, alone among those, executable.</summary>
    public const ulong High = 0x1234_0000_0000 | Data;

    /// <summary>The first address that is not canonical, and the first canonical one of the upper half.</summary>
    public const ulong LowerEnd = 0x0000_8000_0000_0000, UpperStart = 0xffff_8000_0000_0000;

    /// <summary>Where Linux ends user space: a page before the last canonical address of the lower half.</summary>
    public const ulong UserEnd = LowerEnd - PageBytes;

    /// <summary>A run of writable pages and where its bytes stand in <see cref="Image"/>.</summary>
    public readonly record struct Region(ulong Address, int Offset, int Bytes, bool Executable = false)
    {
        public bool Contains(ulong address) => address - Address < (ulong)Bytes;
    }

    public static readonly Region[] Writable =
    [
        new(Data, 0, 2 * PageBytes),
        new(Stack, 2 * PageBytes, PageBytes),
        new(High, 3 * PageBytes, PageBytes, Executable: true),
    ];

    /// <summary>How much of <see cref="Image"/> rows can change.</summary>
    public const int WritableBytes = 4 * PageBytes;

    public const int ReadOnlyOffset = WritableBytes;

    /// <summary>What the pages hold before a row's own changes.</summary>
    public static readonly byte[] Image = MakeImage();

    /// <summary>Where a writable address stands in <see cref="Image"/>, or -1.</summary>
    public static int OffsetOf(ulong address)
    {
        foreach (var region in Writable)
            if (region.Contains(address))
                return region.Offset + (int)(address - region.Address);
        return -1;
    }

    public static bool IsCanonical(ulong address) => address < LowerEnd || address >= UpperStart;

    private static byte[] MakeImage()
    {
        var image = new byte[WritableBytes + PageBytes];
        new Random(20).NextBytes(image);
        return image;
    }
}
