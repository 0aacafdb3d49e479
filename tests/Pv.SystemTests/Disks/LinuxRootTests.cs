using System.Security.Cryptography;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Linux;
using Pv.SystemTests.Packages;
using Pv.Tests;

namespace Pv.SystemTests.Disks;

/// <summary>Debian's Linux with its root on <c>xvda</c>: an ext4 file system of the test's, worked on and looked through afterwards.</summary>
[TestFixture]
public sealed class LinuxRootTests
{
    private const string Size = "192M";

    // PV_TESTS=full has every pair.
    private static IEnumerable<object[]> Roots() => TestRun.IsFull
        ? from format in (string[])["raw", "qcow2", "vhd"] from vcpus in (int[])[1, 4] select (object[])[format, vcpus]
        : [["raw", 4], ["qcow2", 1]];

    [TestCaseSource(nameof(Roots))]
    public async Task A_file_system_is_worked_on_and_is_clean_afterwards(string format, int vcpus)
    {
        await using var host = PvHost.Prepare();
        host.SearchPath = DebianPrograms.Qemu.SearchPath;
        await host.StartDaemonAsync("--memory=1024");
        var image = MakeRoot(host, format);
        await using (var guest = await StartAsync(host, vcpus, $"{image},{format},xvda,rw"))
        {
            Assert.That(await guest.RunAsync("mount"), Does.Contain("/dev/xvda on / type ext4 (rw,"));
            Assert.That(await guest.RunAsync("churn /root/work 60"), Does.Match("churn: \\d+ files are right"));
            // Once more, in a file system that was unmounted and mounted again.
            await guest.Console.SendAsync("reboot\r");
            await guest.MeetAsync();
            await guest.RunAsync("(cd /root/work && md5sum -c sums > /dev/null && rm -r 1 copy/2)");
            await guest.Console.SendAsync("poweroff\r");
            Assert.That(await guest.Console.ExitAsync(), Is.Zero);
        }
        await PvHost.UntilAsync(async () => (await host.ListAsync()).Count == 1);

        await HoldsAsync(host, image, format);
    }

    [Test]
    public async Task A_root_that_is_only_read_stays_as_it_is()
    {
        await using var host = await PvHost.StartAsync(1024);
        var image = MakeRoot(host, "raw");
        var before = SHA256.HashData(await File.ReadAllBytesAsync(image));
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape(), "linux", Ramdisk, $"disk=[\"{image},raw,xvda,ro\"]");
        Assert.That(await guest.RunAsync("cat /sys/block/xvda/ro"), Is.EqualTo("1\n"));
        // busybox's mount goes on without writing where it may not.
        await guest.RunAsync("mount -o rw /dev/xvda /mnt && cmp /mnt/bin/busybox /bin/busybox");
        Assert.That(await guest.RunAsync("mount"), Does.Contain("/dev/xvda on /mnt type ext4 (ro,"));
        Assert.That((await guest.TryAsync("mount -o remount,rw /mnt && echo > /mnt/new")).Status, Is.Not.Zero);
        Assert.That((await guest.TryAsync("dd if=/dev/zero of=/dev/xvda bs=4k count=1")).Status, Is.Not.Zero);
        await host.XlOutputAsync("destroy", "linux");
        Assert.That(SHA256.HashData(await File.ReadAllBytesAsync(image)), Is.EqualTo(before));
    }

    private static string Ramdisk => $"ramdisk=\"{LinuxFiles.Pack(LinuxFiles.DiskModules("cloud-amd64"))}\"";

    private static string MakeRoot(PvHost host, string format)
    {
        var raw = Path.Combine(host.Folder, "root.raw");
        LinuxFiles.PackDisk(raw, Size, ("bin/churn", Path.Combine(Repository.Root, "tests/Pv.SystemTests/Disks/churn")));
        if (format == "raw")
            return raw;
        var image = Path.Combine(host.Folder, $"root.{format}");
        DebianPrograms.Qemu.Output("qemu-img", "convert", "-f", "raw", "-O", QemuName(format), raw, image);
        return image;
    }

    private static Task<LinuxGuest> StartAsync(PvHost host, int vcpus, string disk)
        => LinuxGuest.StartAsync(host, new LinuxShape(Vcpus: vcpus), "linux", Ramdisk, "extra=\"console=hvc0 root=/dev/xvda\"", $"disk=[\"{disk}\"]");

    /// <summary>The file system is clean, and the files that the guest left are what it said.</summary>
    private static async Task HoldsAsync(PvHost host, string image, string format)
    {
        var raw = image;
        if (format != "raw")
        {
            if (format == "qcow2")
                DebianPrograms.Qemu.Output("qemu-img", "check", "-q", "-f", format, image);
            DebianPrograms.Qemu.Output("qemu-img", "convert", "-f", QemuName(format), "-O", "raw", image, raw = image + ".raw");
        }
        var check = DebianPrograms.Ext4.Run("e2fsck", "-fn", raw);
        Assert.That(check.ExitCode, Is.Zero, check.Output);

        var found = Directory.CreateDirectory(Path.Combine(host.Folder, "found")).FullName;
        DebianPrograms.Ext4.Output("debugfs", "-R", $"rdump /root/work {found}", raw);
        var sums = await File.ReadAllLinesAsync(Path.Combine(found, "work", "sums"));
        var compared = 0;
        foreach (var line in sums)
        {
            var (sum, file) = (line[..32], Path.Combine(found, "work", line[34..]));
            if (line[34..].StartsWith("./1/", StringComparison.Ordinal) || line[34..].StartsWith("./copy/2/", StringComparison.Ordinal))
            {
                Assert.That(File.Exists(file), Is.False, file);
                continue;
            }
            Assert.That(Convert.ToHexStringLower(MD5.HashData(await File.ReadAllBytesAsync(file))), Is.EqualTo(sum), file);
            compared++;
        }
        Assert.That(compared, Is.GreaterThan(80));
    }

    private static string QemuName(string format) => format == "vhd" ? "vpc" : format;
}
