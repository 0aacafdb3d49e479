using NUnit.Framework;
using Pv.Abi;
using Pv.Toolstack.Building;

namespace Pv.Tests.Building;

/// <summary>
/// A kernel comes from a domain's owner. Whatever its bytes are, it becomes a kernel or an <see cref="ImageException"/>, and costs
/// no more memory than its size and the limit account for.
/// </summary>
[TestFixture]
public sealed class HostileImageTests
{
    private const int Limit = 4 << 20;
    private const ulong MemoryPages = 32 * 256;
    private const int Rounds = 1500;

    private static readonly ulong[] Nasty =
    [
        0, 1, 0x7f, 0xff, 0xfff, 0x1000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
        0xffff800000000000, 0xffffffff80000000, 0xfffffffffffff000, 0xffffffffffffffff,
    ];

    private static IEnumerable<TestCaseData> Images()
    {
        var linux = KernelImageTests.Linux()
            .Note(ElfNote.InitialP2m, 0x8000000000)
            .Note(ElfNote.ModStartPfn, 1)
            .Note(ElfNote.HypercallPage, 0xffffffff81001000)
            .Note(ElfNote.Features, "!writable_page_tables|pae_pgdir_above_4gb")
            .Section(".text", 1, [1, 2, 3])
            .Build();
        yield return Case("elf", linux);
        yield return Case("notes in a section", KernelImageTests.Linux().BuildWithNoteSection());
        yield return Case("string", new ElfBuilder().Segment(0, new byte[100]).Section("__xen_guest", 1, "LOADER=generic,XEN_VER=xen-3.0,VIRT_BASE=0x0,HYPERCALL_PAGE=0x0"u8.ToArray()).Build());
        yield return Case("gzip", CompressionTests.GzipOf(linux));
        yield return Case("bzImage, gzip", BzImageBuilder.Of(CompressionTests.GzipOf(linux)));
        yield return Case("bzImage, LZ4", BzImageBuilder.Of(BzImageBuilder.WithSize(BzImageBuilder.Lz4Of(linux), linux.Length)));
        yield return Case("bzImage, packed LZ4", BzImageBuilder.Of(BzImageBuilder.WithSize(PackedSamples.Packed("text.lz4"), 8656)));
        yield return Case("bzImage, XZ", BzImageBuilder.Of(BzImageBuilder.WithSize(PackedSamples.Packed("text-none.xz"), 8656)));
        yield return Case("bzImage, XZ blocks", BzImageBuilder.Of(BzImageBuilder.WithSize(PackedSamples.Packed("text-blocks.xz"), 8656)));

        static TestCaseData Case(string name, byte[] image) => new TestCaseData(image).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Images))]
    public void A_changed_image_is_a_kernel_or_refused(byte[] image)
    {
        var refused = 0;
        for (var seed = 0; seed < Rounds; seed++)
        {
            var changed = Changed(image, new Random(seed));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Build(changed);
            }
            catch (ImageException)
            {
                refused++;
            }
            catch (Exception unexpected)
            {
                Assert.Fail($"seed {seed}: {unexpected}");
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.That(allocated, Is.LessThan(16L * Limit), $"seed {seed}");
        }

        Assert.That(refused, Is.GreaterThan(Rounds / 20), "the changes should reach what is checked");
    }

    [TestCaseSource(nameof(Images))]
    public void A_cut_image_is_a_kernel_or_refused(byte[] image)
    {
        var step = Math.Max(1, image.Length / 1000);
        for (var length = 0; length < image.Length; length += step)
        {
            try
            {
                Build(image[..length]);
            }
            catch (ImageException)
            {
            }
            catch (Exception unexpected)
            {
                Assert.Fail($"length {length}: {unexpected}");
            }
        }
    }

    [Test]
    public void Little_that_claims_to_unpack_to_much_costs_little()
    {
        var claims = BzImageBuilder.Of(BzImageBuilder.WithSize(PackedSamples.Packed("text-crc32.xz"), KernelImage.MaxBytes));
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.That(() => KernelImage.Load(claims), Throws.TypeOf<ImageException>());

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(16 << 20));
    }

    // The packed samples are no kernels: they end after unpacking.
    private static void Build(byte[] image)
    {
        var kernel = KernelImage.Load(image, Limit);
        var layout = StartOfDayLayout.Compute(kernel, MemoryPages, 5000);
        var start = new StartOfDay(kernel, layout, new DomainMemoryModel(MemoryPages));
        start.Write(new StartOfDayArguments { SharedInfo = new Mfn(1), StorePort = default, ConsolePort = default, Ramdisk = new byte[5000] });
        start.FirstVcpu();
    }

    // A few changes near each other or anywhere: bytes, bits, nasty numbers.
    private static byte[] Changed(byte[] image, Random random)
    {
        var changed = image.ToArray();
        for (var left = random.Next(1, 4); left > 0; left--)
        {
            // Headers and notes are at the ends of the file.
            var at = random.Next(4) switch
            {
                0 => random.Next(Math.Min(changed.Length, 512)),
                1 => changed.Length - 1 - random.Next(Math.Min(changed.Length, 512)),
                _ => random.Next(changed.Length),
            };
            switch (random.Next(3))
            {
                case 0:
                    changed[at] = (byte)random.Next(256);
                    break;
                case 1:
                    changed[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    var number = BitConverter.GetBytes(Nasty[random.Next(Nasty.Length)]);
                    var width = Math.Min(1 << random.Next(4), changed.Length - at);
                    number.AsSpan(0, width).CopyTo(changed.AsSpan(at));
                    break;
            }
        }

        return changed;
    }
}
