using System.Runtime.InteropServices;
using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Toolstack.Building;

namespace Pv.Tests.Building;

[TestFixture]
public sealed class StartOfDayTests
{
    private const ulong MiB = 1 << 20, PagesPerMiB = 256;
    private static readonly byte[] Ramdisk = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 7))];

    /// <summary>What GRUB's start shows on Xen: a kernel of 0x613dc8 bytes from 0 on, in 64 MiB.</summary>
    [Test]
    public void Pvgrub_finds_its_pages_where_it_does_on_Xen()
    {
        var kernel = KernelImage.Load(new ElfBuilder().Segment(0, [0xf4], 0x41e1f0).Segment(0x41e1f0, [1], 0x1f5bd8).Notes().Note(ElfNote.VirtualBase, 0).Note(ElfNote.Entry, 0).Build());

        var layout = StartOfDayLayout.Compute(kernel, 64 * PagesPerMiB, 0);

        Assert.That(layout.P2m, Is.EqualTo(new PfnRange(new Pfn(0x614), 0x20)));
        Assert.That((layout.StartInfo, layout.XenStore, layout.Console), Is.EqualTo((new Pfn(0x634), new Pfn(0x635), new Pfn(0x636))));
        Assert.That(layout.KernelMapping.Tables, Is.EqualTo(new PfnRange(new Pfn(0x637), 7)));
        Assert.That((layout.PageTableRoot, layout.BootStack), Is.EqualTo((new Pfn(0x637), new Pfn(0x63e))));
        Assert.That(layout.KernelMapping.Last, Is.EqualTo((8 * MiB) - 1));
        Assert.That(Enumerable.Range(1, 4).Select(l => layout.KernelMapping.TablesOf(l).Count), Is.EqualTo(new ulong[] { 4, 1, 1, 1 }));
    }

    /// <summary>What Linux's start shows on Xen: a kernel up to 62 MiB, its ramdisk at 64 MiB, in 256 MiB.</summary>
    [Test]
    public void Linux_finds_its_pages_where_it_does_on_Xen()
    {
        var kernel = KernelImage.Load(Linux(0x1000000, 0x2e00000));

        var layout = StartOfDayLayout.Compute(kernel, 256 * PagesPerMiB, 0x232c00);

        Assert.That((layout.StartInfo, layout.PageTableRoot), Is.EqualTo((new Pfn(0x3e00), new Pfn(0x3e03))));
        Assert.That(layout.Ramdisk, Is.EqualTo(new PfnRange(new Pfn(0x4000), 0x233)));
        Assert.That(layout.P2m, Is.EqualTo(new PfnRange(new Pfn(0x4233), 128)));
        Assert.That(layout.P2mMapping!.Tables, Is.EqualTo(new PfnRange(new Pfn(0x42b3), 3)));
        Assert.That(layout.P2mAddress, Is.EqualTo(0x8000000000));
    }

    [Test]
    public void Spare_memory_is_never_less_than_512_KiB_and_the_end_is_a_multiple_of_4_MiB([Range(0x3d0000u, 0x430000u, 0x1000u)] uint bytes)
    {
        var kernel = KernelImage.Load(new ElfBuilder().Segment(0, [1], bytes).Notes().Build());

        var layout = StartOfDayLayout.Compute(kernel, 64 * PagesPerMiB, 0);

        Assert.That((layout.KernelMapping.Last + 1) % (4 * MiB), Is.Zero);
        Assert.That(layout.KernelMapping.Last - layout.AddressOf(layout.BootStack.Plus(1)), Is.GreaterThanOrEqualTo((512ul << 10) - 1));
        Assert.That(layout.BootStack, Is.EqualTo(layout.KernelMapping.Tables.End));
    }

    [Test]
    public void Memory_that_is_too_small_is_refused_with_a_sentence([Values(1u, 8u, 61u, 63u)] uint mebibytes) =>
        Assert.That(
            () => StartOfDayLayout.Compute(KernelImage.Load(Linux(0x1000000, 0x2e00000)), mebibytes * PagesPerMiB, 0),
            Throws.TypeOf<ImageException>().With.Message.StartsWith($"The kernel does not fit the domain's memory of {mebibytes} MiB"));

    [Test]
    public void A_ramdisk_that_is_too_large_is_refused([Values] bool unmapped)
    {
        var kernel = KernelImage.Load(unmapped ? Linux(0x1000000, 0x100000) : MiniOs());

        Assert.That(() => StartOfDayLayout.Compute(kernel, 64 * PagesPerMiB, 64 * MiB), Throws.TypeOf<ImageException>().With.Message.Contains("ramdisk"));
    }

    [TestCase(0xffff800000000000ul, "no place", TestName = "Xen's own addresses are refused")]
    [TestCase(0x00007fffffff0000ul, "no place", TestName = "addresses that do not exist are refused")]
    [TestCase(0xffffffffffff0000ul, "no place", TestName = "addresses that wrap around are refused")]
    public void A_kernel_has_its_place(ulong virtualBase, string says)
    {
        var kernel = KernelImage.Load(new ElfBuilder { Entry = virtualBase }.Segment(0, [1], 0x1000).Notes().Note(ElfNote.VirtualBase, virtualBase).Note(ElfNote.PhysicalOffset, 0).Build());

        Assert.That(() => StartOfDayLayout.Compute(kernel, 64 * PagesPerMiB, 0), Throws.TypeOf<ImageException>().With.Message.Contains(says));
    }

    [Test]
    public void What_is_written_is_what_the_layout_says([Values] bool linux, [Values] bool withRamdisk)
    {
        var kernel = KernelImage.Load(linux ? Linux(0x1000000, 0x200000) : MiniOs());
        var pages = 32 * PagesPerMiB;
        var layout = StartOfDayLayout.Compute(kernel, pages, withRamdisk ? (ulong)Ramdisk.Length : 0);
        var memory = new DomainMemoryModel(pages);
        var start = new StartOfDay(kernel, layout, memory);

        start.Write(new StartOfDayArguments
        {
            SharedInfo = new Mfn(0x77),
            StorePort = new EventPort(1),
            ConsolePort = new EventPort(2),
            CommandLine = "console=hvc0",
            Ramdisk = withRamdisk ? Ramdisk : default,
        });

        var root = layout.PageTableRoot;
        AssertMapped(layout, memory);
        foreach (var segment in kernel.Segments)
            Assert.That(memory.Read(root, segment.VirtualAddress, segment.Bytes.Length), Is.EqualTo(segment.Bytes.ToArray()));

        var p2m = MemoryMarshal.Cast<byte, ulong>(memory.Read(root, layout.P2mAddress, (int)pages * 8)).ToArray();
        Assert.That(p2m, Is.EqualTo(Enumerable.Range(0, (int)pages).Select(p => memory.MfnOf(new Pfn((ulong)p)).Value)));

        var context = start.FirstVcpu();
        var info = MemoryMarshal.Read<StartInfo>(memory.Read(root, context.Registers.Rsi, StartInfo.WireSize));
        AssertInfo(info, layout, memory, linux, withRamdisk);
        if (withRamdisk)
            Assert.That(ReadRamdisk(info, memory, root, linux), Is.EqualTo(Ramdisk));
        AssertContext(context, kernel, layout, memory);
    }

    [Test]
    public void Pages_without_contents_are_not_touched()
    {
        var kernel = KernelImage.Load(Linux(0x1000000, 0x800000));
        var layout = StartOfDayLayout.Compute(kernel, 64 * PagesPerMiB, 0);
        var memory = new DomainMemoryModel(64 * PagesPerMiB);

        new StartOfDay(kernel, layout, memory).Write(new StartOfDayArguments { SharedInfo = new Mfn(1), StorePort = default, ConsolePort = default });

        var written = 1 + 1 + (int)layout.P2m.Count + layout.Mappings.Sum(m => (int)m.Tables.Count);
        Assert.That(memory.TouchedPages, Is.EqualTo(written));
    }

    [Test]
    public void A_hypercall_page_is_filled_with_stubs()
    {
        var kernel = KernelImage.Load(MiniOs());
        var layout = StartOfDayLayout.Compute(kernel, 16 * PagesPerMiB, 0);
        var memory = new DomainMemoryModel(16 * PagesPerMiB);

        new StartOfDay(kernel, layout, memory).Write(new StartOfDayArguments { SharedInfo = new Mfn(1), StorePort = default, ConsolePort = default });

        var stubs = memory.Read(layout.PageTableRoot, 0x2000, 4096);
        Assert.That(stubs[(29 * 32)..(29 * 32 + 15)], Is.EqualTo(new byte[] { 0x51, 0x41, 0x53, 0xb8, 29, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3, 0xcc }));
        Assert.That(stubs[(23 * 32)..(23 * 32 + 12)], Is.EqualTo(new byte[] { 0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05, 0xcc }));
    }

    [Test]
    public void A_command_line_that_start_info_cannot_hold_is_refused()
    {
        var kernel = KernelImage.Load(MiniOs());
        var layout = StartOfDayLayout.Compute(kernel, 16 * PagesPerMiB, 0);
        var start = new StartOfDay(kernel, layout, new DomainMemoryModel(16 * PagesPerMiB));

        Assert.That(
            () => start.Write(new StartOfDayArguments { SharedInfo = new Mfn(1), StorePort = default, ConsolePort = default, CommandLine = new string('x', 1024) }),
            Throws.TypeOf<ImageException>().With.Message.Contains("1024 bytes"));
    }

    // Every page of a mapping is there, read-only exactly if it is a page table, and nothing else is mapped.
    private static void AssertMapped(StartOfDayLayout layout, DomainMemoryModel memory)
    {
        ulong total = 0;
        foreach (var mapping in layout.Mappings)
        {
            for (ulong i = 0; i < mapping.Pages.Count; i++)
            {
                var pfn = mapping.Pages.First.Plus(i);
                var isTable = layout.Mappings.Any(m => m.Tables.Contains(pfn));
                var (found, entry) = memory.Walk(layout.PageTableRoot, mapping.Start + (i * 4096))!.Value;
                if (found != pfn || (entry & 0xfff) != (isTable ? 0x21ul : 0x23ul))
                    Assert.Fail($"0x{mapping.Start + (i * 4096):x} leads to {found} by 0x{entry:x}");
            }

            total += mapping.Pages.Count;
        }

        Assert.That(memory.CountMapped(layout.PageTableRoot), Is.EqualTo((int)total));
    }

    private static void AssertInfo(StartInfo info, StartOfDayLayout layout, DomainMemoryModel memory, bool linux, bool withRamdisk)
    {
        Assert.That(Encoding.ASCII.GetString(info.Magic).TrimEnd('\0'), Is.EqualTo("xen-3.0-x86_64"));
        Assert.That(Encoding.ASCII.GetString(info.CommandLine).TrimEnd('\0'), Is.EqualTo("console=hvc0"));
        Assert.That((info.PageCount, info.SharedInfo), Is.EqualTo((layout.MemoryPages, 0x77000ul)));
        Assert.That((info.StoreMfn, info.StorePort), Is.EqualTo((memory.MfnOf(layout.XenStore), new EventPort(1))));
        Assert.That((info.ConsoleMfn, info.ConsolePort), Is.EqualTo((memory.MfnOf(layout.Console), new EventPort(2))));
        Assert.That((info.PageTableBase, info.PageTableFrameCount), Is.EqualTo((layout.AddressOf(layout.PageTableRoot), layout.KernelMapping.Tables.Count)));
        Assert.That(info.MfnList, Is.EqualTo(layout.P2mAddress));
        Assert.That(info.Flags, Is.EqualTo(linux && withRamdisk ? StartInfoFlags.ModStartPfn : StartInfoFlags.None));
        Assert.That(info.ModuleLength, Is.EqualTo(withRamdisk ? 12288 : 0));
        Assert.That((info.FirstP2mPfn, info.P2mFrameCount), Is.EqualTo(linux ? (layout.P2m.First, layout.P2m.Count + 3) : (default(Pfn), 0ul)));
    }

    private static byte[] ReadRamdisk(StartInfo info, DomainMemoryModel memory, Pfn root, bool linux) => linux
        ? [.. Enumerable.Range(0, Ramdisk.Length).Select(i => memory.Page(new Pfn(info.ModuleStart + ((ulong)i >> 12)))[i & 4095])]
        : memory.Read(root, info.ModuleStart, Ramdisk.Length);

    private static void AssertContext(VcpuGuestContext context, KernelImage kernel, StartOfDayLayout layout, DomainMemoryModel memory)
    {
        Assert.That(context.Registers.Rip, Is.EqualTo(kernel.Entry));
        Assert.That((context.Registers.Cs, context.Registers.Ss, context.Registers.Ds), Is.EqualTo(((ushort)0xe033, (ushort)0xe02b, (ushort)0)));
        Assert.That(context.Registers.Rsp, Is.EqualTo(layout.AddressOf(layout.BootStack) + 4096));
        Assert.That(context.Registers.Rflags, Is.EqualTo(0x200));
        Assert.That(context.ControlRegisters[3], Is.EqualTo(memory.MfnOf(layout.PageTableRoot).Address));
        Assert.That(context.Flags, Is.EqualTo(VcpuContextFlags.InKernel | VcpuContextFlags.Online));
    }

    private static byte[] Linux(ulong start, ulong bytes) => new ElfBuilder { Entry = start }
        .Segment(start, [1, 2, 3, 4, 5], bytes)
        .Notes()
        .Note(ElfNote.Entry, 0xffffffff80000000 + start)
        .Note(ElfNote.VirtualBase, 0xffffffff80000000)
        .Note(ElfNote.PhysicalOffset, 0)
        .Note(ElfNote.InitialP2m, 0x8000000000)
        .Note(ElfNote.ModStartPfn, 1)
        .Build();

    private static byte[] MiniOs() => new ElfBuilder { Entry = 0 }
        .Segment(0, [.. Enumerable.Range(0, 8000).Select(i => (byte)i)], 0x40000)
        .Notes()
        .Note(ElfNote.HypercallPage, 0x2000)
        .BuildWithNoteSection();
}
