using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Linux;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Disks;

/// <summary>Linux with as many requests of its disk at once as it likes, each of whose bytes are looked at: by the guest, and by this host afterwards.</summary>
[TestFixture]
public sealed class LinuxTransferTests
{
    private const int Megabytes = 64;

    // PV_TESTS=full has them all, and more of each.
    private static IEnumerable<object[]> Disks() => TestRun.IsFull
        ? from format in (string[])["raw", "qcow2", "vhd"] from vcpus in (int[])[1, 4] select (object[])[format, vcpus]
        : [["raw", 2]];

    private static int Milliseconds => TestRun.IsFull ? 5000 : 300;

    private static readonly Lazy<string> Program = new(() => LinuxFiles.Compile("transfers"));
    private static readonly Lazy<string> Ramdisk = new(() => LinuxFiles.Pack([("bin/transfers", Program.Value), .. LinuxFiles.DiskModules("cloud-amd64")]));

    [TestCaseSource(nameof(Disks))]
    public async Task What_many_requests_wrote_is_read_by_many(string format, int vcpus)
    {
        await using var host = await SampleDisks.StartHostAsync(512);
        var image = SampleDisks.Make(host, $"disk.{format}", format == "vhd" ? "vpc" : format, Megabytes);
        await using (var guest = await StartAsync(host, vcpus, $"disk=[\"{image},{format},xvda,rw\"]"))
        {
            await guest.RunAsync("until [ -b /dev/xvda ]; do sleep 0.1; done");
            // Small ones first, so that the large ones overwrite some and leave some.
            foreach (var work in new[] { "randwrite 4096 128", "randwrite 512 16", "write 65536 32", "randwrite 1048576 4", "read 131072 16", "randread 4096 256", "randread 512 32", "read 1048576 8" })
                Assert.That(await guest.RunAsync($"transfers /dev/xvda {work} {Milliseconds} direct"), Does.StartWith("transfers: "), work);
            Assert.That(await guest.RunAsync($"transfers /dev/xvda randread 4096 1 {Milliseconds}"), Does.StartWith("transfers: "));
            Assert.That(await guest.RunAsync("cat /proc/interrupts | grep -c blkif"), Is.EqualTo($"{Math.Min(vcpus, 2)}\n"), "rings: one a vCPU, as many as pCPUs");
            await host.XlOutputAsync("destroy", "linux");
        }

        var raw = image;
        if (format != "raw")
            DebianPrograms.Qemu.Output("qemu-img", "convert", "-f", format == "vhd" ? "vpc" : format, "-O", "raw", image, raw = image + ".raw");
        var read = Command.Run(Program.Value, [raw, "read", "65536", "1", "1000"], host.Folder);
        Assert.That(read.ExitCode, Is.Zero, read.Output);
        // The program sees what is wrong.
        await using (var file = new FileStream(raw, FileMode.Open, FileAccess.Write))
        {
            file.Position = 3 << 20;
            file.Write(new byte[] { 1, 2, 3 });
        }
        read = Command.Run(Program.Value, [raw, "read", "65536", "1", "1000"], host.Folder);
        Assert.That((read.ExitCode, read.Output), Is.EqualTo((1, $"transfers: FAILED content at {3 << 20}\n")));
    }

    [TestCase("raw"), TestCase("qcow2")]
    public async Task Nothing_is_left_of_a_guest_that_is_destroyed_in_the_middle_of_its_work(string format)
    {
        await using var host = await SampleDisks.StartHostAsync(512);
        var image = SampleDisks.Make(host, $"disk.{format}", format, Megabytes);
        var free = await host.FreeMemoryAsync();
        for (var guests = TestRun.IsFull ? 20 : 1; guests > 0; guests--)
        {
            await using var guest = await StartAsync(host, 2);
            await host.XlOutputAsync("block-attach", "linux", $"{image},{format},xvdb,rw");
            await guest.RunAsync("until [ -b /dev/xvdb ]; do sleep 0.1; done");
            await guest.RunAsync($"transfers /dev/xvdb {(guests % 2 == 0 ? "randread" : "randwrite")} 4096 64 600000 direct blind > /dev/null & sleep 0.2");
            await host.XlOutputAsync("destroy", "linux");
            Assert.That(Processes.FilesOf(host.Daemon.ProcessId), Has.None.Contains(image));
            Assert.That(Processes.WithArgument(image), Is.Empty);
            Assert.That(Processes.ThreadsOf(host.Daemon.ProcessId), Has.None.StartsWith("vbd "));
            Assert.That(await host.FreeMemoryAsync(), Is.EqualTo(free));
        }
    }

    [Test]
    public async Task A_disk_may_be_detached_in_the_middle_of_its_work()
    {
        await using var host = await SampleDisks.StartHostAsync(512);
        var image = SampleDisks.Make(host, "disk.img", "raw", Megabytes);
        await using var guest = await StartAsync(host, 2);
        for (var rounds = TestRun.IsFull ? 50 : 3; rounds > 0; rounds--)
        {
            await host.XlOutputAsync("block-attach", "linux", $"{image},raw,xvdb,rw");
            await guest.RunAsync("until [ -b /dev/xvdb ]; do sleep 0.1; done");
            await guest.RunAsync("transfers /dev/xvdb randread 4096 64 600000 direct blind > /dev/null 2>&1 & sleep 0.2");
            // Linux has ten seconds to let go of it, and then as long again.
            await PvHost.UntilAsync(async () => (await host.XlAsync("block-detach", "linux", "xvdb")).ExitCode == 0);
            await guest.RunAsync("until [ ! -b /dev/xvdb ]; do sleep 0.1; done; wait");
        }
    }

    private static Task<LinuxGuest> StartAsync(PvHost host, int vcpus, params string[] more)
        => LinuxGuest.StartAsync(host, new LinuxShape(Vcpus: vcpus), "linux", [$"ramdisk=\"{Ramdisk.Value}\"", .. more]);
}
