using System.Globalization;
using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Disks;

/// <summary>
/// What a guest was told is flushed is on the disk, whenever and however pvd dies: a guest writes and flushes, pvd is killed, the image is
/// looked through. <c>PV_TESTS=full</c> does it a hundred times for each format.
/// </summary>
[TestFixture]
public sealed partial class DurabilityTests
{
    private const int Size = 48 << 20;

    private static int Kills => TestRun.IsFull ? 100 : 3;

    [Test]
    public void The_judge_sees_what_is_missing_and_what_is_torn()
    {
        const ulong flushed = 300;
        var image = new byte[4 << 20];
        for (ulong number = 1; number <= flushed + 7; number++)
            JournalImage.Write(image, number);
        Assert.That(JournalImage.Judge(image, flushed), Is.Null);
        Assert.That(JournalImage.Judge(image, flushed + 8), Does.Contain("record 308 was flushed"));

        var torn = image.ToArray();
        torn[JournalImage.RecordBytes * 5 + 700]++;
        Assert.That(JournalImage.Judge(torn, flushed), Does.StartWith("place 5, sector 1:"));
        Array.Clear(torn, JournalImage.RecordBytes * 9, JournalImage.SectorBytes);
        torn[JournalImage.RecordBytes * 5 + 700]--;
        Assert.That(JournalImage.Judge(torn, flushed), Does.StartWith("place 9, sector 0:"));
    }

    [TestCase("raw"), TestCase("qcow2"), CancelAfter(3_600_000)]
    public async Task What_was_flushed_is_on_the_disk_after_a_kill(string format)
    {
        var random = new Random(format.Length);
        var records = new List<ulong>();
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var host = PvHost.Prepare();
            host.SearchPath = DebianPrograms.Qemu.SearchPath;
            var image = Path.Combine(host.Folder, $"disk.{format}");
            DebianPrograms.Qemu.Output("qemu-img", "create", "-q", "-f", format, image, $"{Size}");
            await host.StartDaemonAsync("--memory=256", "--cpus=1");
            var configuration = host.WriteSample("journal", more: $"disk=[\"{image},{format},xvda,rw\"]");
            await using var console = host.OpenXl("create", "-c", configuration);
            await console.ExpectAsync("xvda: ");
            await console.SendAsync("disk journal xvda\r");
            await console.ExpectAsync("flushed ");
            await Task.Delay(random.Next(20, 400));

            // The servers of images, too, in every other round, before or after pvd.
            var servers = Processes.ChildrenOf(host.Daemon.ProcessId);
            int[] victims = [host.Daemon.ProcessId, .. kill % 2 == 0 ? [] : servers];
            // At once: a pvd that lives on starts another server.
            Command.Run("kill", ["-9", .. (random.Next(2) == 0 ? victims : victims.Reverse()).Select(victim => $"{victim}")], "/");
            await host.Daemon.ExitAsync();
            await console.ExitAsync();
            // A server that closes the image in order may take its time.
            await PvHost.UntilAsync(() => Task.FromResult(servers.All(Processes.HasEnded)));

            var flushed = Flushed().Matches(console.Shown).Max(match => ulong.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
            var raw = image;
            if (format != "raw")
                DebianPrograms.Qemu.Output("qemu-img", "convert", "-f", format, "-O", "raw", image, raw = image + ".raw");
            Assert.That(JournalImage.Judge(await File.ReadAllBytesAsync(raw), flushed), Is.Null, $"kill {kill}, flushed {flushed}");
            records.Add(flushed);
        }
        await TestContext.Out.WriteLineAsync($"{format}: {Kills} kills, {records.Min()} to {records.Max()} records of 16 KiB were flushed before them");
        Assert.That(records.Max(), Is.GreaterThan(0));
    }

    [GeneratedRegex("flushed (\\d+)\r?\n")]
    private static partial Regex Flushed();
}
