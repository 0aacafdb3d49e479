using Pv.Abi;
using Pv.Toolstack.Building.Compression;

namespace Pv.Toolstack.Building;

/// <summary>
/// A PV kernel, ready to be laid out in a domain: its segments by virtual address, its entry and what it says of itself.
/// An image comes from the domain's owner, so anything may be wrong with it.
/// </summary>
public sealed class KernelImage
{
    /// <summary>The largest kernel that is unpacked, in bytes.</summary>
    public const int MaxBytes = 1 << 30;

    private KernelImage(ElfFile elf)
    {
        Notes = XenNotes.Read(elf);
        VirtualBase = Notes.VirtualBase ?? 0;
        Segments = SegmentsOf(elf, unchecked(VirtualBase - (Notes.PhysicalOffset ?? 0)));
        Start = Segments.Min(s => s.VirtualAddress);
        End = Segments.Max(s => s.End);
        Entry = Notes.Entry ?? elf.Entry;
        InitialP2m = UsableP2m(Notes.InitialP2m);
        Check();
    }

    /// <summary>What the image says of itself.</summary>
    public XenNotes Notes { get; }

    /// <summary>The address at which pseudo-physical address 0 is mapped; the kernel and all that the builder adds lie above it.</summary>
    public ulong VirtualBase { get; }

    /// <summary>Parts of the kernel, in the order of the file.</summary>
    public IReadOnlyList<KernelSegment> Segments { get; }

    /// <summary>The lowest address of any segment.</summary>
    public ulong Start { get; }

    /// <summary>One past the highest address of any segment.</summary>
    public ulong End { get; }

    /// <summary>Where the first vCPU starts.</summary>
    public ulong Entry { get; }

    /// <summary>The page to fill with hypercall stubs, or null.</summary>
    public ulong? HypercallPage => Notes.HypercallPage;

    /// <summary>Where the kernel wants its physical-to-machine list, or null: mapped with the kernel.</summary>
    public ulong? InitialP2m { get; }

    /// <summary>Whether the kernel takes a ramdisk by frame number, so that it need not be mapped.</summary>
    public bool TakesUnmappedRamdisk => Notes.ModStartPfn;

    /// <summary>
    /// Reads a kernel: an ELF file, one packed with gzip, or a Linux bzImage with a payload of gzip, XZ or LZ4.
    /// </summary>
    /// <param name="file">The whole file.</param>
    /// <param name="maxBytes">The most that a packed kernel may unpack to, for instance the domain's memory.</param>
    /// <exception cref="ImageException">The file is no PV kernel, or a damaged one; the message says what is wrong.</exception>
    public static KernelImage Load(ReadOnlyMemory<byte> file, int maxBytes = MaxBytes)
    {
        if (Gzip.IsGzip(file.Span))
            file = Gzip.Unpack(file, maxBytes);
        if (BzImage.IsBzImage(file.Span))
            file = BzImage.Unpack(file, maxBytes);
        return new KernelImage(ElfFile.Parse(file));
    }

    // A kernel's place is its physical address: Linux has a segment whose virtual address is 0.
    private static List<KernelSegment> SegmentsOf(ElfFile elf, ulong virtualOffset)
    {
        var segments = new List<KernelSegment>();
        foreach (var header in elf.ProgramHeaders.Where(h => h.IsLoadable && h.MemorySize > 0))
        {
            if (header.FileSize > header.MemorySize)
                throw new ImageException("The image has a segment that is larger in the file than in memory.");
            var start = unchecked(header.PhysicalAddress + virtualOffset);
            if (header.MemorySize > MaxBytes || start > ulong.MaxValue - header.MemorySize)
                throw new ImageException($"The image has a segment of 0x{header.MemorySize:x} bytes at 0x{start:x}, which is no place for a kernel.");
            segments.Add(new KernelSegment(start, elf.Bytes(header.Offset, header.FileSize, "a segment"), header.MemorySize));
        }

        if (segments.Count == 0)
            throw new ImageException("The image has nothing to load.");
        return segments;
    }

    // The list goes below the kernel, on a page of its own, or with the kernel.
    private ulong? UsableP2m(ulong? address) =>
        address is { } wanted && wanted < VirtualBase && (wanted & PageSize.OffsetMask) == 0 ? wanted : null;

    private void Check()
    {
        if (End - Start > MaxBytes)
            throw new ImageException($"The image spans 0x{End - Start:x} bytes of memory, more than a kernel may.");
        if (VirtualBase > Start)
            throw new ImageException($"The image lies at 0x{Start:x}, below its virtual base 0x{VirtualBase:x}.");
        if (((VirtualBase | Start) & PageSize.OffsetMask) != 0)
            throw new ImageException($"The image's start 0x{Start:x} or virtual base 0x{VirtualBase:x} is not at the start of a page.");
        if (Entry < Start || Entry > End)
            throw new ImageException($"The image's entry 0x{Entry:x} lies outside it (0x{Start:x} to 0x{End:x}).");
        if (HypercallPage is { } page && ((page & PageSize.OffsetMask) != 0 || page < VirtualBase || page >= End))
            throw new ImageException($"The image's hypercall page 0x{page:x} is no page of it.");
    }
}
