using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Toolstack.Building;

namespace Pv.Tests.Building;

[TestFixture]
public sealed class KernelImageTests
{
    private const ulong LinuxBase = 0xffffffff80000000;
    private static readonly byte[] Code = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)];

    [Test]
    public void A_segment_goes_where_its_physical_address_says()
    {
        var kernel = KernelImage.Load(Linux().Build());

        Assert.That(kernel.Segments.Select(s => (s.VirtualAddress, s.MemorySize)), Is.EqualTo(new[] { (LinuxBase + 0x1000000, 5000ul), (LinuxBase + 0x1002000, 0x3000ul) }));
        Assert.That(kernel.Segments[0].Bytes.ToArray(), Is.EqualTo(Code));
        Assert.That((kernel.Start, kernel.End, kernel.Entry), Is.EqualTo((LinuxBase + 0x1000000, LinuxBase + 0x1005000, LinuxBase + 0x1000100)));
    }

    [Test]
    public void Every_note_is_read()
    {
        var notes = KernelImage.Load(Linux()
            .Note(ElfNote.GuestVersion, "2.6")
            .Note(ElfNote.PaeMode, "yes")
            .Note(ElfNote.Features, "!writable_page_tables|pae_pgdir_above_4gb")
            .Note(ElfNote.SupportedFeatures, 0x8801, 4)
            .Note(ElfNote.HypervisorStartLow, 0xffff800000000000)
            .Note((uint)ElfNote.L1MfnValid, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
            .Note(ElfNote.SuspendCancel, 1, 4)
            .Note(ElfNote.InitialP2m, 0x8000000000)
            .Note(ElfNote.ModStartPfn, 1)
            .Note(ElfNote.HypercallPage, LinuxBase + 0x1001000)
            .Note(ElfNote.Physical32Entry, 0x1000850)
            .Note(99, [1, 2, 3])
            .Note((uint)ElfNote.Entry, [9, 9, 9, 9], owner: "Linux")
            .Build()).Notes;

        Assert.That(notes, Is.EqualTo(new XenNotes
        {
            Entry = LinuxBase + 0x1000100,
            HypercallPage = LinuxBase + 0x1001000,
            VirtualBase = LinuxBase,
            PhysicalOffset = 0,
            XenVersion = "xen-3.0",
            GuestOs = "test",
            GuestVersion = "2.6",
            Loader = "generic",
            PaeMode = "yes",
            Features = new KernelFeatures(0x8811, 1),
            HypervisorStartLow = 0xffff800000000000,
            L1MfnValid = (1, 1),
            SuspendCancel = true,
            InitialP2m = 0x8000000000,
            ModStartPfn = true,
            Physical32Entry = 0x1000850,
        }));
    }

    [Test]
    public void Notes_in_a_section_do_when_no_segment_has_any()
    {
        var kernel = KernelImage.Load(new ElfBuilder { Entry = 0x10 }.Segment(0, Code).Notes().Note(ElfNote.HypercallPage, 0x1000).BuildWithNoteSection());

        Assert.That((kernel.Entry, kernel.HypercallPage, kernel.VirtualBase), Is.EqualTo((0x10ul, (ulong?)0x1000ul, 0ul)));
    }

    [Test]
    public void The_old_string_does_when_there_are_no_notes()
    {
        const string Said = "LOADER=generic,GUEST_OS=Mini-OS,XEN_VER=xen-3.0,VIRT_BASE=0x100000,ELF_PADDR_OFFSET=0x0,HYPERCALL_PAGE=0x1,PAE=yes";
        var image = new ElfBuilder { Entry = 0x100000 }.Segment(0, Code).Section("__xen_guest", 1, [.. Encoding.ASCII.GetBytes(Said), 0]).Build();

        var kernel = KernelImage.Load(image);

        Assert.That((kernel.VirtualBase, kernel.Start, kernel.HypercallPage, kernel.Notes.PaeMode), Is.EqualTo((0x100000ul, 0x100000ul, (ulong?)0x101000ul, "yes")));
    }

    [Test]
    public void In_the_old_string_the_physical_offset_is_the_virtual_base_unless_said()
    {
        var image = new ElfBuilder { Entry = 0x100000 }.Segment(0x100000, Code)
            .Section("__xen_guest", 1, Encoding.ASCII.GetBytes("LOADER=generic,XEN_VER=xen-3.0,VIRT_BASE=0x100000")).Build();

        Assert.That(KernelImage.Load(image).Start, Is.EqualTo(0x100000));
    }

    [Test]
    public void A_packed_kernel_is_the_kernel([Values] bool gzip, [Values] bool bzImage)
    {
        var elf = Linux().Build();
        var image = elf;
        if (bzImage)
            image = BzImageBuilder.Of(CompressionTests.GzipOf(image));
        if (gzip)
            image = CompressionTests.GzipOf(image);

        Assert.That(KernelImage.Load(image).Segments[0].Bytes.ToArray(), Is.EqualTo(Code));
    }

    [Test]
    public void A_bzImage_may_be_packed_with_Lz4()
    {
        var elf = Linux().Build();

        Assert.That(KernelImage.Load(BzImageBuilder.Of(BzImageBuilder.WithSize(BzImageBuilder.Lz4Of(elf), elf.Length))).Entry, Is.EqualTo(LinuxBase + 0x1000100));
    }

    [Test]
    public void A_bzImage_may_be_packed_with_Xz()
    {
        var image = BzImageBuilder.Of(BzImageBuilder.WithSize(PackedSamples.Packed("text-crc32.xz"), PackedSamples.Text.Length));

        Assert.That(BzImage.Unpack(image, KernelImage.MaxBytes).ToArray(), Is.EqualTo(PackedSamples.Text));
    }

    [Test]
    public void A_bzImage_that_states_another_size_is_refused([Values(1, 8655, 8657, 1 << 29)] int stated)
    {
        var image = BzImageBuilder.Of(BzImageBuilder.WithSize(PackedSamples.Packed("text-crc32.xz"), stated));

        Assert.That(() => BzImage.Unpack(image, KernelImage.MaxBytes), Throws.TypeOf<ImageException>());
    }

    [Test]
    public void A_bzImage_larger_than_it_may_be_is_refused_before_it_is_unpacked()
    {
        var image = BzImageBuilder.Of(BzImageBuilder.WithSize(PackedSamples.Packed("text-crc32.xz"), 8656));

        Assert.That(() => BzImage.Unpack(image, 8655), Throws.TypeOf<ImageException>().With.Message.Contains("more than the 8655"));
    }

    [Test]
    public void Another_packing_is_named()
    {
        var image = BzImageBuilder.Of([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0, 1, 0, 0, 0]);

        Assert.That(() => KernelImage.Load(image), Throws.TypeOf<ImageException>().With.Message.Contains("zstd"));
    }

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return Case("nothing", [], "no ELF file");
        yield return Case("a script", "#!/bin/sh"u8.ToArray(), "no ELF file");
        yield return Case("half a header", Linux().Build()[..40], "cut short");
        yield return Case("half a file", Linux().Build()[..1000], "cut short");
        yield return Case("32 bits", new ElfBuilder { Machine = 3 }.Segment(0, Code).Notes().Build(), "32-bit");
        yield return Case("Arm", new ElfBuilder { Machine = 183 }.Segment(0, Code).Notes().Build(), "machine 183");
        yield return Case("no notes", new ElfBuilder().Segment(0, Code).Build(), "neither Xen notes");
        yield return Case("another loader", new ElfBuilder().Segment(0, Code).Note(ElfNote.XenVersion, "xen-3.0").Note(ElfNote.Loader, "odd\u001b").Build(), "\"odd?\"");
        yield return Case("another interface", new ElfBuilder().Segment(0, Code).Note(ElfNote.XenVersion, "xen-9").Note(ElfNote.Loader, "generic").Build(), "xen-9");
        yield return Case("a feature nobody knows", Linux().Note(ElfNote.Features, "!time_travel").Build(), "time_travel");
        yield return Case("translated memory", Linux().Note(ElfNote.Features, "!auto_translated_physmap").Build(), "translated memory");
        yield return Case("nothing to load", new ElfBuilder().Notes().Build(), "nothing to load");
        yield return Case("an entry outside", new ElfBuilder { Entry = 0x9000 }.Segment(0, Code).Notes().Build(), "entry 0x9000");
        yield return Case("a file size above the memory size", new ElfBuilder().Segment(0, Code, 100).Notes().Build(), "larger in the file");
        yield return Case("a vast segment", new ElfBuilder().Segment(0, Code, 1ul << 40).Notes().Build(), "no place");
        yield return Case("a segment at the end of all", new ElfBuilder().Segment(ulong.MaxValue - 4095, Code).Notes().Build(), "no place");
        yield return Case("segments far apart", new ElfBuilder().Segment(0, Code).Segment(1ul << 40, Code).Notes().Build(), "more than a kernel may");
        yield return Case("a kernel below its base", new ElfBuilder { Entry = 0 }.Segment(0, Code).Notes().Note(ElfNote.VirtualBase, 0x100000).Note(ElfNote.PhysicalOffset, 0x100000).Build(), "below its virtual base");
        yield return Case("an offset without a base", new ElfBuilder().Segment(0, Code).Notes().Note(ElfNote.PhysicalOffset, 0).Build(), "no virtual base");
        yield return Case("half a page", new ElfBuilder { Entry = 0x800 }.Segment(0x800, Code).Notes().Build(), "start of a page");
        yield return Case("an odd number", Linux().Note((uint)ElfNote.InitialP2m, [1, 2, 3]).Build(), "no number");
        yield return Case("a hypercall page elsewhere", Linux().Note(ElfNote.HypercallPage, 0x2000).Build(), "hypercall page");

        static TestCaseData Case(string what, byte[] image, string says) => new TestCaseData(image, says).SetArgDisplayNames(what);
    }

    [TestCaseSource(nameof(Refused))]
    public void What_is_no_kernel_is_refused_with_a_reason(byte[] image, string says) =>
        Assert.That(() => KernelImage.Load(image), Throws.TypeOf<ImageException>().With.Message.Contains(says));

    /// <summary>A kernel laid out as Linux's are.</summary>
    internal static ElfBuilder Linux() => new ElfBuilder { Entry = 0x1000100 }
        .Segment(0x1000000, Code)
        .Segment(0x1002000, [7, 7, 7], 0x3000, virtualAddress: 0)
        .Notes()
        .Note(ElfNote.Entry, LinuxBase + 0x1000100)
        .Note(ElfNote.VirtualBase, LinuxBase)
        .Note(ElfNote.PhysicalOffset, 0);
}
