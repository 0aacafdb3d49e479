using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Hypervisor;

namespace Pv.Toolstack.Building;

/// <summary>Builds an auto-translated domain for a C# kernel: memory, a start page, the rings and their ports. The code itself comes by its file.</summary>
internal static class ManagedBuilder
{
    // Page 0 stays empty, since address 0 says "none" in many places.
    private static readonly Pfn StartInfoPage = new(1), XenStorePage = new(2), ConsolePage = new(3), FirstModulePage = new(4);

    private const ulong LeastPages = 16;

    /// <summary>Fills an empty domain.</summary>
    /// <exception cref="ImageException">The ramdisk or the command line does not fit.</exception>
    public static BuiltDomain Build(HypervisorControl control, GuestMemory slots, DomId domain, BuildImages images, ulong pages)
    {
        var modulePages = PageSize.PagesFor((ulong)images.Ramdisk.Length);
        if (pages < LeastPages + modulePages)
            throw new ImageException($"A C# guest needs {(LeastPages + modulePages) * PageSize.Bytes / 1024} KiB of memory at least.");
        DomainMemory.Populate(control, domain, pages);
        control.AllocUnbound(domain, out var storePort).OrThrow("EVTCHNOP_alloc_unbound");
        control.AllocUnbound(domain, out var consolePort).OrThrow("EVTCHNOP_alloc_unbound");
        var sharedInfo = new Pfn(pages);
        control.MapSharedInfo(domain, sharedInfo).OrThrow("XENMEM_add_to_physmap");

        using var memory = new ForeignMemory(control, slots, domain, frames: null);
        var start = new StartInfo
        {
            PageCount = pages,
            SharedInfo = sharedInfo.Address,
            StoreMfn = new Mfn(XenStorePage.Value),
            StorePort = storePort,
            ConsoleMfn = new Mfn(ConsolePage.Value),
            ConsolePort = consolePort,
        };
        "xen-3.0-x86_64"u8.CopyTo(start.Magic);
        WriteCommandLine(ref start, images.CommandLine);
        if (modulePages > 0)
        {
            (start.ModuleStart, start.ModuleLength) = (FirstModulePage.Value, (ulong)images.Ramdisk.Length);
            start.Flags |= StartInfoFlags.ModStartPfn;
            WriteModule(memory, images.Ramdisk.Span);
        }
        MemoryMarshal.Write(memory.Page(StartInfoPage), in start);
        memory.SeedGrant(ReservedGrants.Console, ConsolePage);
        memory.SeedGrant(ReservedGrants.XenStore, XenStorePage);
        memory.Dispose();

        var context = new VcpuGuestContext();
        context.Registers.Rsi = StartInfoPage.Address;
        control.SetVcpuContext(domain, new VcpuId(0), context);
        return new BuiltDomain(XenStorePage.Value, storePort, ConsolePage.Value, consolePort);
    }

    private static void WriteCommandLine(ref StartInfo start, string commandLine)
    {
        var bytes = Encoding.UTF8.GetBytes(commandLine);
        if (bytes.Length >= StartInfoLimits.CommandLineBytes)
            throw new ImageException($"The command line has {bytes.Length} bytes; it may have {StartInfoLimits.CommandLineBytes - 1}.");
        bytes.CopyTo((Span<byte>)start.CommandLine);
    }

    private static void WriteModule(ForeignMemory memory, ReadOnlySpan<byte> module)
    {
        for (var page = FirstModulePage; !module.IsEmpty; page = page.Plus(1))
        {
            var part = module[..Math.Min(module.Length, PageSize.Bytes)];
            part.CopyTo(memory.Page(page));
            module = module[part.Length..];
        }
    }
}
