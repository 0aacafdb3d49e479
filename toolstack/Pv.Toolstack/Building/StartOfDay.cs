using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Building;

/// <summary>What a kernel is told at its start, besides where things are.</summary>
public sealed record StartOfDayArguments
{
    /// <summary>The frame of the domain's shared_info.</summary>
    public required Mfn SharedInfo { get; init; }

    public required EventPort StorePort { get; init; }

    public required EventPort ConsolePort { get; init; }

    public string CommandLine { get; init; } = "";

    public ReadOnlyMemory<byte> Ramdisk { get; init; }
}

/// <summary>
/// Writes the first contents of a PV domain's memory, and says in what state its first vCPU starts. After it, the root of the
/// page tables is to be pinned, with no writable mapping of a page table left, and the vCPU's context to be set.
/// </summary>
/// <param name="kernel">The kernel.</param>
/// <param name="layout">Where everything goes, as computed for the kernel and the size of the ramdisk.</param>
/// <param name="memory">The domain's memory, all zero.</param>
public sealed class StartOfDay(KernelImage kernel, StartOfDayLayout layout, IDomainMemory memory)
{
    // Bits of a page-table entry.
    private const ulong Present = 1 << 0, Writable = 1 << 1, User = 1 << 2, Accessed = 1 << 5, Dirty = 1 << 6;

    private const ulong TableEntry = Present | Writable | User | Accessed | Dirty;
    private const ulong PageEntry = Present | Writable | Accessed, TablePageEntry = Present | Accessed;
    private const ulong InterruptsEnabled = 1 << 9;
    private const ulong DebugStatus = 0xffff0ff0, DebugControl = 0x400;

    /// <summary>Writes everything.</summary>
    /// <exception cref="ImageException">The command line is too long for start_info.</exception>
    public void Write(StartOfDayArguments arguments)
    {
        var info = StartInfoOf(arguments);
        foreach (var segment in kernel.Segments)
            Write(layout.VirtualBase, segment.VirtualAddress, segment.Bytes.Span);
        Write(0, layout.Ramdisk.First.Address, arguments.Ramdisk.Span);
        if (layout.HypercallPage is { } stubs)
            HypercallStubs.Fill(memory.Page(stubs));
        WriteP2m();
        MemoryMarshal.Write(memory.Page(layout.StartInfo), in info);
        WritePageTables();
    }

    /// <summary>The context of the first vCPU.</summary>
    public VcpuGuestContext FirstVcpu()
    {
        var stack = layout.AddressOf(layout.BootStack.Plus(1));
        var context = new VcpuGuestContext
        {
            Flags = VcpuContextFlags.InKernel | VcpuContextFlags.Online,
            KernelSs = XenSegments.FlatStack,
            KernelSp = stack,
        };
        context.Registers.Rip = kernel.Entry;
        context.Registers.Rsp = stack;
        context.Registers.Rsi = layout.AddressOf(layout.StartInfo);
        context.Registers.Rflags = InterruptsEnabled;
        context.Registers.Cs = XenSegments.FlatCode64;
        context.Registers.Ss = XenSegments.FlatStack;
        context.ControlRegisters[3] = memory.MfnOf(layout.PageTableRoot).Address;
        context.DebugRegisters[6] = DebugStatus;
        context.DebugRegisters[7] = DebugControl;
        return context;
    }

    private StartInfo StartInfoOf(StartOfDayArguments arguments)
    {
        var info = new StartInfo
        {
            PageCount = layout.MemoryPages,
            SharedInfo = arguments.SharedInfo.Address,
            StoreMfn = memory.MfnOf(layout.XenStore),
            StorePort = arguments.StorePort,
            ConsoleMfn = memory.MfnOf(layout.Console),
            ConsolePort = arguments.ConsolePort,
            PageTableBase = layout.AddressOf(layout.PageTableRoot),
            PageTableFrameCount = layout.KernelMapping.Tables.Count,
            MfnList = layout.P2mAddress,
        };
        "xen-3.0-x86_64"u8.CopyTo(info.Magic);

        if (layout.Ramdisk.Count > 0)
        {
            info.ModuleStart = layout.RamdiskIsMapped ? layout.AddressOf(layout.Ramdisk.First) : layout.Ramdisk.First.Value;
            info.ModuleLength = layout.Ramdisk.Count << PageSize.Shift;
            if (!layout.RamdiskIsMapped)
                info.Flags |= StartInfoFlags.ModStartPfn;
        }

        if (layout.P2mMapping is { } mapping)
        {
            info.FirstP2mPfn = layout.P2m.First;
            info.P2mFrameCount = layout.P2m.Count + mapping.Tables.Count;
        }

        var commandLine = Encoding.UTF8.GetBytes(arguments.CommandLine);
        if (commandLine.Length >= StartInfoLimits.CommandLineBytes)
            throw new ImageException($"The kernel's command line has {commandLine.Length} bytes; it may have {StartInfoLimits.CommandLineBytes - 1}.");
        commandLine.CopyTo((Span<byte>)info.CommandLine);
        return info;
    }

    // Bytes at an address that is mapped from a base on, across as many pages as they take.
    private void Write(ulong virtualBase, ulong address, ReadOnlySpan<byte> bytes)
    {
        for (var at = address - virtualBase; !bytes.IsEmpty;)
        {
            var page = memory.Page(Pfn.OfAddress(at))[(int)(at & PageSize.OffsetMask)..];
            var count = Math.Min(page.Length, bytes.Length);
            bytes[..count].CopyTo(page);
            bytes = bytes[count..];
            at += (ulong)count;
        }
    }

    private void WriteP2m()
    {
        const int EntriesPerPage = PageSize.Bytes / sizeof(ulong);
        for (ulong pfn = 0; pfn < layout.MemoryPages; pfn += EntriesPerPage)
        {
            var entries = MemoryMarshal.Cast<byte, ulong>(memory.Page(layout.P2m.First.Plus(pfn / EntriesPerPage)));
            for (var i = 0; i < EntriesPerPage && pfn + (ulong)i < layout.MemoryPages; i++)
                entries[i] = memory.MfnOf(new Pfn(pfn + (ulong)i)).Value;
        }
    }

    private void WritePageTables()
    {
        var mappings = layout.Mappings;
        foreach (var mapping in mappings)
        {
            for (var level = 1; level < BootMapping.Levels; level++)
            {
                for (var table = mapping.TablesOf(level).First; table.Value < mapping.TablesOf(level).End.Value; table = table.Plus(1))
                    SetEntry(level + 1, mapping.AddressOf(level, table), table, TableEntry);
            }

            for (ulong i = 0; i < mapping.Pages.Count; i++)
            {
                var pfn = mapping.Pages.First.Plus(i);
                var isTable = mappings[0].Tables.Contains(pfn) || mappings[^1].Tables.Contains(pfn);
                SetEntry(1, mapping.Start + (i << PageSize.Shift), pfn, isTable ? TablePageEntry : PageEntry);
            }
        }
    }

    private void SetEntry(int level, ulong address, Pfn target, ulong flags)
    {
        var table = layout.KernelMapping.TableFor(level, address) ?? layout.P2mMapping!.TableFor(level, address)!.Value;
        var entries = MemoryMarshal.Cast<byte, ulong>(memory.Page(table));
        entries[BootMapping.EntryIndex(level, address)] = memory.MfnOf(target).Address | flags;
    }
}
