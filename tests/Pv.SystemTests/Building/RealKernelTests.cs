using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.Abi;
using Pv.SystemTests.Packages;
using Pv.Toolstack.Building;

namespace Pv.SystemTests.Building;

/// <summary>The domain builder on kernels that others made.</summary>
[TestFixture]
public sealed partial class RealKernelTests
{
    private const ulong PagesPerMiB = 256;

    [Test]
    public void Pvgrub_is_laid_out_as_on_Xen()
    {
        var kernel = KernelImage.Load(File.ReadAllBytes(DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin")));
        var layout = StartOfDayLayout.Compute(kernel, 64 * PagesPerMiB, 0);

        Assert.That((kernel.Entry, kernel.VirtualBase, kernel.Notes.GuestOs), Is.EqualTo((0ul, 0ul, "GRUB")));
        Assert.That((layout.StartInfo, layout.XenStore, layout.Console), Is.EqualTo((new Pfn(0x634), new Pfn(0x635), new Pfn(0x636))));
        Assert.That(layout.KernelMapping.Tables, Is.EqualTo(new PfnRange(new Pfn(0x637), 7)));
    }

    [Test]
    public void Linux_packed_with_Lz4_is_laid_out() =>
        AssertLinux(DebianPackages.FetchNewest("linux-image-6.1.", CloudKernels(), "boot/vmlinuz-*"));

    [Test]
    public void Linux_packed_with_Xz_is_laid_out() =>
        AssertLinux(DebianPackages.FetchNewest("linux-image-6.1.", Kernels(), "boot/vmlinuz-*"));

    private static void AssertLinux(string file)
    {
        var kernel = KernelImage.Load(File.ReadAllBytes(file));
        var layout = StartOfDayLayout.Compute(kernel, 256 * PagesPerMiB, 5 << 20);

        Assert.That((kernel.VirtualBase, kernel.Start), Is.EqualTo((0xffffffff80000000, 0xffffffff81000000)));
        Assert.That((kernel.Notes.GuestOs, kernel.InitialP2m, kernel.TakesUnmappedRamdisk), Is.EqualTo(("linux", (ulong?)0x8000000000, true)));
        Assert.That(kernel.Notes.Features.Supports(XenFeature.WritablePageTables), Is.True);
        Assert.That(layout.StartInfo, Is.EqualTo(Pfn.OfAddress(kernel.End - kernel.VirtualBase + PageSize.OffsetMask)));
        Assert.That(layout.Ramdisk, Is.EqualTo(new PfnRange(layout.KernelMapping.Pages.End, 5 * PagesPerMiB)));
        Assert.That(layout.P2m.First, Is.EqualTo(layout.Ramdisk.End));
    }

    [GeneratedRegex("^linux-image-6\\.1\\.0-(\\d+)-cloud-amd64$")]
    private static partial Regex CloudKernels();

    [GeneratedRegex("^linux-image-6\\.1\\.0-(\\d+)-amd64$")]
    private static partial Regex Kernels();
}
