using System.Security.Cryptography;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Linux;

namespace Pv.SystemTests.Disks;

/// <summary>Raw disks of Debian's Linux: from the configuration, and attached, changed and detached while it runs.</summary>
[TestFixture]
public sealed class LinuxDiskTests
{
    private const int Size = 24 << 20;

    private static readonly Lazy<string> Initramfs = new(() => LinuxFiles.Pack(("xen-blkfront.ko", LinuxFiles.Module("drivers/block/xen-blkfront.ko"))));

    private readonly Random _random = new(5);

    [Test]
    public async Task What_Linux_reads_and_writes_is_in_the_file([Values(1, 2)] int vcpus)
    {
        await using var host = await PvHost.StartAsync(512);
        var (image, content) = Make(host, "disk.img");
        await using var linux = await StartAsync(host, vcpus, $"disk=[\"{image},raw,xvda,rw\"]");

        Assert.That(await linux.RunAsync("cat /sys/block/xvda/size /sys/block/xvda/ro"), Is.EqualTo($"{Size / 512}\n0\n"));
        Assert.That(await linux.RunAsync("md5sum < /dev/xvda"), Does.StartWith(Convert.ToHexStringLower(MD5.HashData(content))));
        // Random content, made of what the disk has: blocks in another order, and parts of sectors' size.
        await linux.RunAsync("dd if=/dev/xvda of=/dev/xvda bs=64k count=64 skip=128 seek=16 conv=notrunc,fsync 2> /dev/null");
        await linux.RunAsync("dd if=/dev/xvda of=/dev/xvda bs=512 count=7 skip=40001 seek=3 conv=notrunc,fsync 2> /dev/null");
        content.AsSpan(128 << 16, 64 << 16).CopyTo(content.AsSpan(16 << 16));
        content.AsSpan(40001 * 512, 7 * 512).CopyTo(content.AsSpan(3 * 512));
        Assert.That((await File.ReadAllBytesAsync(image)).AsSpan().SequenceEqual(content), "what was flushed is in the file at once");

        var list = await host.XlOutputAsync("block-list", "linux");
        Assert.That(list, Does.Match(@"^Vdev  BE  handle state evt-ch ring-ref BE-path {23}\n51712 0   \d+ +4 +-?\d+ +-?\d+ +/local/domain/0/backend/vbd/\d+/51712 *\n$"));
        await host.XlOutputAsync("destroy", "linux");
        Assert.That((await File.ReadAllBytesAsync(image)).AsSpan().SequenceEqual(content));
    }

    [Test]
    public async Task A_disk_comes_and_goes_while_Linux_runs()
    {
        await using var host = await PvHost.StartAsync(512);
        var (image, content) = Make(host, "disk.img");
        await using var linux = await StartAsync(host, 1);
        for (var round = 0; round < 3; round++)
        {
            await host.XlOutputAsync("block-attach", "linux", $"{image},raw,xvdb,r");
            Assert.That(await linux.RunAsync("until [ -b /dev/xvdb ]; do sleep 0.1; done; md5sum < /dev/xvdb; cat /sys/block/xvdb/ro"),
                Is.EqualTo($"{Convert.ToHexStringLower(MD5.HashData(content))}  -\n1\n"));
            Assert.That((await host.XlAsync("block-attach", "linux", $"{image},raw,xvdb,r")).Errors, Does.Contain("has a disk xvdb already"));
            // Linux has ten seconds to let go of it, and then as long again.
            await PvHost.UntilAsync(async () => (await host.XlAsync("block-detach", "linux", "xvdb")).ExitCode == 0);
            await linux.RunAsync("until [ ! -b /dev/xvdb ]; do sleep 0.1; done");
            Assert.That((await host.XlOutputAsync("block-list", "linux")).Split('\n'), Has.Length.EqualTo(2));
        }
        Assert.That((await host.XlAsync("block-detach", "linux", "xvdb")).Errors, Does.Contain("Device xvdb not connected"));
    }

    [Test]
    public async Task A_drive_gets_another_disc()
    {
        await using var host = await PvHost.StartAsync(512);
        var (first, content) = Make(host, "first.iso");
        var (second, _) = Make(host, "second.iso");
        var other = await File.ReadAllBytesAsync(second);
        await File.WriteAllBytesAsync(second, other = other[..(Size / 2)]);
        await using var linux = await StartAsync(host, 1, $"disk=[\"{first},raw,xvdc,r,cdrom\"]");
        Assert.That(await linux.RunAsync("md5sum < /dev/xvdc"), Does.StartWith(Convert.ToHexStringLower(MD5.HashData(content))));

        await host.XlOutputAsync("cd-insert", "linux", "xvdc", second);
        Assert.That(await linux.RunAsync($"until [ $(cat /sys/block/xvdc/size) = {other.Length / 512} ]; do sleep 0.1; done; echo 3 > /proc/sys/vm/drop_caches; md5sum < /dev/xvdc"),
            Does.StartWith(Convert.ToHexStringLower(MD5.HashData(other))));
        await host.XlOutputAsync("cd-eject", "linux", "xvdc");
        await linux.RunAsync("until [ $(cat /sys/block/xvdc/size) = 0 ]; do sleep 0.1; done");
        var refused = await host.XlAsync("cd-insert", "linux", "xvdc", "/nosuch.iso");
        Assert.That((refused.ExitCode, refused.Errors), Is.EqualTo((1, "Cannot stat file: /nosuch.iso\n")));
    }

    [Test]
    public async Task A_disk_survives_a_reboot_and_is_not_shared_while_it_is_written()
    {
        await using var host = await PvHost.StartAsync(768);
        var (image, _) = Make(host, "disk.img");
        await using var linux = await StartAsync(host, 1, $"disk=[\"{image},raw,xvda,rw\"]");
        await linux.RunAsync("echo once > /dev/xvda; sync");
        var refused = await host.XlAsync(["create", .. LinuxGuest.Settings(new LinuxShape(), "other"), $"disk=[\"{image},raw,xvda,r\"]"]);
        Assert.That((refused.ExitCode, refused.Errors), Is.EqualTo((3, $"Parsing config from examples/linux.cfg\nDisk vdev=xvda: {image} is xvda of domain linux, and only what nobody writes can be shared.\n")));

        await linux.Console.SendAsync("reboot\r");
        await linux.MeetAsync();
        Assert.That(await linux.RunAsync("insmod /xen-blkfront.ko; until [ -b /dev/xvda ]; do sleep 0.1; done; head -c 5 /dev/xvda"), Is.EqualTo("once\n"));
        Assert.That((await host.ListAsync()).Count, Is.EqualTo(2));
    }

    private (string Path, byte[] Content) Make(PvHost host, string name)
    {
        var path = Path.Combine(host.Folder, name);
        var content = new byte[Size];
        _random.NextBytes(content);
        File.WriteAllBytes(path, content);
        return (path, content);
    }

    private static async Task<LinuxGuest> StartAsync(PvHost host, int vcpus, params string[] more)
    {
        var linux = await LinuxGuest.StartAsync(host, new LinuxShape(Vcpus: vcpus), "linux", [$"ramdisk=\"{Initramfs.Value}\"", .. more]);
        await linux.RunAsync("insmod /xen-blkfront.ko");
        if (more.Length > 0)
            await linux.RunAsync("until [ -b /dev/xvda ] || [ -b /dev/xvdc ]; do sleep 0.1; done");
        return linux;
    }
}
