using System.Security.Cryptography;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Linux;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Pvgrub;

/// <summary>What a user of Xen does every day: pvgrub finds a kernel, an initramfs and its menu on the guest's own disk, and boots them.</summary>
[TestFixture]
public sealed class PvgrubDiskTests
{
    private const string Menu =
        """
        set timeout=0
        set default=1
        menuentry "nothing" {
            halt
        }
        menuentry "Debian" {
            search --no-floppy --set=root --label linux
            linux /boot/vmlinuz console=hvc0 root=/dev/xvda from=menu
            initrd /boot/initramfs
        }
        """;

    [Test, CancelAfter(600_000)]
    public async Task It_boots_Debians_kernel_from_an_ext4_file_system()
    {
        await using var host = await PvHost.StartAsync(1024);
        var menu = Path.Combine(host.Folder, "grub.cfg");
        await File.WriteAllTextAsync(menu, Menu);
        var image = Path.Combine(host.Folder, "boot.img");
        LinuxFiles.PackDisk(image, "192M",
            ("boot/grub/grub.cfg", menu),
            ("boot/vmlinuz", LinuxFiles.Kernel("amd64")),
            ("boot/initramfs", LinuxFiles.Pack(LinuxFiles.DiskModules("amd64"))));

        await using var guest = await LinuxGuest.CreateAsync(host, "pvgrub", "examples/pvgrub.cfg", PvgrubPromptTests.Kernel, "memory=512", $"disk=[\"{image},raw,xvda,rw\"]");

        Assert.That(await guest.RunAsync("cat /proc/cmdline"), Does.Contain("root=/dev/xvda from=menu"));
        Assert.That(await guest.RunAsync("mount"), Does.Contain("/dev/xvda on / type ext4"));
        Assert.That(await guest.RunAsync("md5sum < /boot/vmlinuz"), Does.StartWith(Convert.ToHexStringLower(MD5.HashData(await File.ReadAllBytesAsync(LinuxFiles.Kernel("amd64"))))));
        await guest.Console.SendAsync("poweroff\r");
        Assert.That(await guest.Console.ExitAsync(), Is.Zero);
        Assert.That(DebianPrograms.Ext4.Run("e2fsck", "-fn", image).ExitCode, Is.Zero);
    }
}
