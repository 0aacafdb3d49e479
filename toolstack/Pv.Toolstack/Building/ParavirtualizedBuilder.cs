using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.Toolstack.Building;

/// <summary>Builds a domain for a real PV kernel: memory, the start-of-day contents, pinned page tables and a first vCPU.</summary>
internal static class ParavirtualizedBuilder
{
    /// <summary>Fills an empty domain.</summary>
    /// <exception cref="ImageException">The image is no kernel, or does not fit.</exception>
    public static BuiltDomain Build(HypervisorControl control, GuestMemory slots, DomId domain, BuildImages images, ulong pages)
    {
        var kernel = KernelImage.Load(images.Kernel, (int)Math.Min(KernelImage.MaxBytes, pages << PageSize.Shift));
        var layout = StartOfDayLayout.Compute(kernel, pages, (ulong)images.Ramdisk.Length);
        var frames = DomainMemory.Populate(control, domain, pages);
        control.AllocUnbound(domain, out var storePort).OrThrow("EVTCHNOP_alloc_unbound");
        control.AllocUnbound(domain, out var consolePort).OrThrow("EVTCHNOP_alloc_unbound");
        var info = control.GetDomainInfo(domain) ?? throw new ToolstackException("The domain went away while it was built.", 3);

        using var memory = new ForeignMemory(control, slots, domain, frames);
        var start = new StartOfDay(kernel, layout, memory);
        start.Write(new StartOfDayArguments
        {
            SharedInfo = new Mfn(info.SharedInfoFrame), StorePort = storePort, ConsolePort = consolePort,
            CommandLine = images.CommandLine, Ramdisk = images.Ramdisk,
        });
        memory.SeedGrant(ReservedGrants.Console, layout.Console);
        memory.SeedGrant(ReservedGrants.XenStore, layout.XenStore);
        var context = start.FirstVcpu();
        var built = new BuiltDomain(memory.MfnOf(layout.XenStore).Value, storePort, memory.MfnOf(layout.Console).Value, consolePort);
        var root = memory.MfnOf(layout.PageTableRoot);
        // No foreign mapping may remain, or the page tables' frames would have a use that is not theirs.
        memory.Dispose();
        control.PinRoot(domain, root).OrThrow("MMUEXT_PIN_L4_TABLE");
        control.SetVcpuContext(domain, new VcpuId(0), context);
        return built;
    }
}

/// <summary>The files that a domain is built from, and its command line.</summary>
internal sealed record BuildImages(ReadOnlyMemory<byte> Kernel, ReadOnlyMemory<byte> Ramdisk, string CommandLine)
{
    /// <summary>Those of a domain of which it is not known yet what it boots.</summary>
    public static BuildImages None { get; } = new(default, default, "");
}
