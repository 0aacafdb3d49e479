using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>
/// Which page of a new PV domain holds what, and where it is mapped when the kernel starts. From the virtual base up:
/// the kernel, the ramdisk, the physical-to-machine list, start_info, the xenstore page, the console page, the page tables,
/// the boot stack; then pages of no meaning, so that all is mapped up to a multiple of 4 MiB with at least 512 KiB to spare.
/// A ramdisk or list that the kernel does not want there follows after that.
/// The order and the sizes are those of Xen's own domain builder, since kernels rely on them.
/// </summary>
public sealed class StartOfDayLayout
{
    private const ulong MappingAlignment = 4 << 20, SparePages = (512 << 10) / PageSize.Bytes, BootStackPages = 1;
    private const ulong P2mEntryBytes = sizeof(ulong);
    private const ulong LowHalfEnd = 1ul << 47, HighHalfStart = ulong.MaxValue << 47;

    private Pfn _next;

    private StartOfDayLayout(KernelImage kernel, ulong memoryPages, ulong ramdiskBytes)
    {
        MemoryPages = memoryPages;
        VirtualBase = kernel.VirtualBase;
        RamdiskIsMapped = !kernel.TakesUnmappedRamdisk;
        P2mIsMappedWithKernel = kernel.InitialP2m is null;

        var ramdiskPages = PageSize.PagesFor(ramdiskBytes);
        var p2mPages = PageSize.PagesFor(memoryPages * P2mEntryBytes);

        _next = new Pfn((kernel.Start - VirtualBase) >> PageSize.Shift);
        Kernel = Take(PageSize.PagesFor(kernel.End - kernel.Start), "the kernel");
        if (RamdiskIsMapped)
            Ramdisk = Take(ramdiskPages, "the ramdisk");
        if (P2mIsMappedWithKernel)
            P2m = Take(p2mPages, "the physical-to-machine list");
        StartInfo = Take(1, "start_info").First;
        XenStore = Take(1, "the xenstore page").First;
        Console = Take(1, "the console page").First;

        KernelMapping = MapFromBase();
        Take(KernelMapping.Tables.Count, "the page tables");
        BootStack = Take(BootStackPages, "the boot stack").First;
        _next = KernelMapping.Pages.End;

        if (!RamdiskIsMapped)
            Ramdisk = Take(ramdiskPages, "the ramdisk");
        if (kernel.InitialP2m is { } address)
        {
            P2m = Take(p2mPages, "the physical-to-machine list");
            P2mMapping = MapP2m(address, p2mPages);
            Take(P2mMapping.Tables.Count, "the page tables of the physical-to-machine list");
        }

        P2mAddress = kernel.InitialP2m ?? AddressOf(P2m.First);
        HypercallPage = kernel.HypercallPage is { } page ? new Pfn((page - VirtualBase) >> PageSize.Shift) : null;
    }

    /// <summary>How many pages the domain has.</summary>
    public ulong MemoryPages { get; }

    /// <summary>Where page 0 is mapped.</summary>
    public ulong VirtualBase { get; }

    public PfnRange Kernel { get; }

    /// <summary>The ramdisk's pages; none when there is no ramdisk.</summary>
    public PfnRange Ramdisk { get; private set; }

    /// <summary>Whether the kernel finds its ramdisk by address; otherwise, by page number.</summary>
    public bool RamdiskIsMapped { get; }

    /// <summary>The pages with the physical-to-machine list, 8 bytes for each page of the domain.</summary>
    public PfnRange P2m { get; private set; }

    /// <summary>Where the list is mapped.</summary>
    public ulong P2mAddress { get; }

    /// <summary>Whether the list is among what is mapped from the virtual base on.</summary>
    public bool P2mIsMappedWithKernel { get; }

    public Pfn StartInfo { get; }

    public Pfn XenStore { get; }

    public Pfn Console { get; }

    public Pfn BootStack { get; }

    /// <summary>The page that the kernel wants filled with hypercall stubs, or null.</summary>
    public Pfn? HypercallPage { get; }

    /// <summary>What is mapped from the virtual base on, and the tables for it, the root among them.</summary>
    public BootMapping KernelMapping { get; }

    /// <summary>The mapping of a list that stands by itself, or null.</summary>
    public BootMapping? P2mMapping { get; }

    /// <summary>The root of the page tables.</summary>
    public Pfn PageTableRoot => KernelMapping.TablesOf(BootMapping.Levels).First;

    /// <summary>Every mapping there is.</summary>
    public IReadOnlyList<BootMapping> Mappings => P2mMapping is null ? [KernelMapping] : [KernelMapping, P2mMapping];

    /// <summary>Lays a kernel out.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="memoryPages">The domain's memory, in pages.</param>
    /// <param name="ramdiskBytes">The ramdisk's size; 0: none.</param>
    /// <exception cref="ImageException">It does not fit the memory, or the address space.</exception>
    public static StartOfDayLayout Compute(KernelImage kernel, ulong memoryPages, ulong ramdiskBytes) => new(kernel, memoryPages, ramdiskBytes);

    /// <summary>The address of a page within the kernel's mapping.</summary>
    public ulong AddressOf(Pfn pfn) => VirtualBase + pfn.Address;

    // The tables must map themselves and the spare pages behind them, so their number and the mapping's end depend on each other.
    private BootMapping MapFromBase()
    {
        var extra = BootStackPages + SparePages;
        for (var pages = extra; ;)
        {
            var last = (AddressOf(_next) + (pages << PageSize.Shift)) | (MappingAlignment - 1);
            RequireRoom(VirtualBase, last, "The kernel");
            var mapping = new BootMapping(VirtualBase, last, new Pfn(0), _next, above: null);
            if (mapping.Pages.Count > MemoryPages)
                throw TooSmall($"{Mebibytes(mapping.Pages.Count)} MiB to be mapped when it starts");

            pages = mapping.Tables.Count + extra;
            if (_next.Value + pages <= mapping.Pages.Count)
                return mapping;
        }
    }

    private BootMapping MapP2m(ulong address, ulong pages)
    {
        var last = address + (pages << PageSize.Shift) - 1;
        RequireRoom(address, last, "The physical-to-machine list");
        if (last >= VirtualBase)
            throw new ImageException($"The image wants its physical-to-machine list at 0x{address:x}, where it reaches into the kernel.");
        return new BootMapping(address, last, P2m.First, _next, KernelMapping);
    }

    private PfnRange Take(ulong pages, string what)
    {
        if (_next.Value > MemoryPages || pages > MemoryPages - _next.Value)
            throw TooSmall($"{pages} pages for {what} from {_next} on");
        var taken = new PfnRange(_next, pages);
        _next = taken.End;
        return taken;
    }

    // Addresses between the halves do not exist, and Xen's own are not for the kernel.
    private static void RequireRoom(ulong start, ulong last, string what)
    {
        var isLow = last < LowHalfEnd && start <= last;
        var isHigh = start >= HighHalfStart && start <= last;
        var meetsXen = start < XenVirtualMemory.End && last >= XenVirtualMemory.Start;
        if ((!isLow && !isHigh) || meetsXen)
            throw new ImageException($"{what} would be mapped from 0x{start:x} to 0x{last:x}, which is no place for a kernel.");
    }

    private ImageException TooSmall(string need) =>
        new($"The kernel does not fit the domain's memory of {Mebibytes(MemoryPages)} MiB: it needs {need}.");

    private static ulong Mebibytes(ulong pages) => (pages + 255) / 256;
}
