using System.Security.Cryptography;
using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Tests.Guest.Live;

namespace Pv.Tests.Frontends;

/// <summary>The sample shell's disks: it finds them when they come, works with them and sees them go.</summary>
[TestFixture]
public sealed class ShellDiskTests
{
    [Test]
    public async Task A_disk_is_plugged_in_used_and_taken_away()
    {
        await using var machine = new LiveMachine();
        var shell = GuestAssembly.Load(typeof(SampleGuests.Shell).Assembly.Location).Choose("guest=Shell");
        var guest = await machine.StartAsync(shell, "", pages: 1024);
        await guest.ExpectAsync("pv> ");
        Assert.That(await guest.SayAsync("disks"), Does.Contain("no disks"));
        await using var disk = new ScriptedDisk(machine, guest.Domain, sectors: 4096, features: new() { ["feature-flush-cache"] = "1", ["feature-discard"] = "1", ["feature-max-indirect-segments"] = "64" });
        await disk.AttachAsync();
        await disk.ServeAsync();
        await guest.ExpectAsync("xvda: 2 MiB, 512 bytes a sector, flush, discard\r\n");
        Assert.That(await guest.SayAsync("disks"), Does.Contain("xvda (51712)").And.Contain("1 x 32 requests of up to 64 pages"));

        var written = await guest.SayAsync("disk write xvda 64K 1M 5");
        Assert.That(written, Does.Contain($"written 1048576 bytes, sha256 {Sum(disk.Content.AsSpan(65536, 1 << 20))}"));
        Assert.That(disk.Content.AsSpan(65536, 1 << 20).ContainsAnyExcept((byte)0));
        Assert.That(await guest.SayAsync("disk flush xvda"), Does.Contain("flushed"));
        Assert.That(await guest.SayAsync("disk read xvda 64K 1M"), Does.Contain($"sha256 {Sum(disk.Content.AsSpan(65536, 1 << 20))}"));
        Assert.That(await guest.SayAsync("disk read 51712"), Does.Contain($"read 2097152 bytes, sha256 {Sum(disk.Content)}"));
        Assert.That(await guest.SayAsync("disk dump xvda 65536"), Does.Contain("00010000  " + Convert.ToHexStringLower(disk.Content.AsSpan(65536, 16))));
        Assert.That(await guest.SayAsync("disk discard xvda 64K 4K"), Does.Contain("discarded"));
        Assert.That(disk.Content.AsSpan(65536, 4096).ContainsAnyExcept((byte)0), Is.False);
        Assert.That(await guest.SayAsync("disk bench xvda randread 4 8 0.05"), Does.Match(@"randread: [1-9]\d* x 4 KiB at depth 8 in 0\.\d+ s"));

        Assert.That(await guest.SayAsync("disk read xvda 1 512"), Does.Contain("multiples of 512"));
        Assert.That(await guest.SayAsync("disk read xvda 0 4M"), Does.Contain("has 2097152 bytes"));
        Assert.That(await guest.SayAsync("disk read xvdb"), Does.Contain("no disk xvdb"));
        Assert.That(await guest.SayAsync("disk bench xvda read 1024 100"), Does.Contain("more memory than the domain has"));
        Assert.That(await guest.SayAsync("disk write xvda x 512"), Does.Contain("'x' is no number"));
        Assert.That(await guest.SayAsync("disk"), Does.Contain("disk bench"));

        await disk.End.WriteAsync("online", "0");
        await disk.End.TrySwitchAsync(XenbusState.Closing);
        await guest.ExpectAsync("xvda: gone, the back end closed the device\r\n");
        Assert.That(await guest.SayAsync("disk read xvda"), Does.Contain("no disk xvda"));
    }

    private static string Sum(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
