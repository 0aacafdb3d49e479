using System.Text;
using NUnit.Framework;
using Pv.Toolstack.BootLoaders;

namespace Pv.Tests.BootLoaders;

/// <summary>What libxl 4.17 took from boot loaders' outputs on real Xen.</summary>
[TestFixture]
public sealed class BootLoaderResultTests
{
    [TestCase("kernel /k\0ramdisk /r\0args root=/dev/xvda1 ro\0", "/k", "/r", "root=/dev/xvda1 ro")]
    [TestCase("kernel /k\0", "/k", null, null)]
    [TestCase("kernel /k", "/k", null, null)]
    [TestCase("kernel /k\nramdisk /r\n", "/k\nramdisk /r\n", null, null)]
    [TestCase("kernel\t  /a b\0", "/a b", null, null)]
    [TestCase("kernel /a\0kernel /b\0", "/b", null, null)]
    [TestCase("kernelx /a\0Kernel /b\0frob x\0\0\0", null, null, null)]
    [TestCase("kernel\0args\0", null, null, null)]
    [TestCase("", null, null, null)]
    public void It_is_read(string output, string? kernel, string? ramdisk, string? args)
        => Assert.That(BootLoaderResult.Parse(Encoding.UTF8.GetBytes(output)), Is.EqualTo(new BootLoaderResult(kernel, ramdisk, args)));

    [Test]
    public void The_words_stand_in_libxls_order()
        => Assert.That(
            new BootLoaderCall("d", "pygrub", "/k", "/r", "a b", ["-q"], "/disk", "/").Words("/out", "/folder"),
            Is.EqualTo(["--kernel=/k", "--ramdisk=/r", "--args=a b", "--output=/out", "--output-format=simple0", "--output-directory=/folder", "-q", "/disk"]));
}
