using NUnit.Framework;
using Pv.SystemTests.Commands;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;
using Pv.SystemTests.XenStore;

namespace Pv.SystemTests.Disks;

/// <summary>Disks that fail under a running guest: it gets errors, the log says why, and nobody else notices.</summary>
[TestFixture]
public sealed class DiskFaultTests
{
    private const string Failed = "disk: the back end answered Error to ";

    [Test]
    public async Task A_server_that_is_killed_comes_back_and_one_whose_image_is_gone_does_not()
    {
        await using var host = await SampleDisks.StartHostAsync();
        var image = SampleDisks.Make(host, "disk.qcow2", "qcow2", 16);
        await using var guest = await SampleDisks.StartAsync(host, "guest", $"{image},qcow2,xvda,rw");
        await using var other = await SampleDisks.StartAsync(host, "other", $"{SampleDisks.Make(host, "other.img", "raw", 4)},raw,xvda,rw");
        await SampleDisks.WorksAsync(guest);
        // Done, and not flushed: the server may take it along.
        await guest.AskAsync("disk write xvda 8M 64K 7", "written ");
        // The store outlives the failure; what is asked at the right moment fails.
        var before = await WritesAsync(host);
        await guest.SendAsync("disk bench xvda randwrite 4 32 600\r");
        await PvHost.UntilAsync(async () => await WritesAsync(host) > before + 100);
        Kill(image);
        await guest.ExpectAsync(Failed);
        await UntilLoggedAsync(host, $"{image}: connected again");
        Assert.That(host.Read("pvd.log"), Does.Contain($"{image}: the connection to its server broke: "));
        // What the server had called done may be gone with it, which the next flush must not hide.
        await guest.AskAsync("disk flush xvda", Failed + "FlushDiskCache");
        await SampleDisks.WorksAsync(guest, "1M");
        await SampleDisks.WorksAsync(other);

        File.Delete(image);
        Kill(image);
        await UntilLoggedAsync(host, $"{image}: its server does not come back, and the disk fails from here on: ");
        await guest.AskAsync("disk read xvda 0 64K", Failed + "Read");
        await guest.AskAsync("disk write xvda 0 64K", Failed);
        var error = $"/local/domain/0/error/backend/vbd/{(await host.FindAsync("guest")).Id}/51712/error";
        await PvHost.UntilAsync(() => Task.FromResult(XenStoreTools.Run("read", Path.Combine(host.Folder, "xenstored.socket"), error).Output
            .Contains($"5 {image}: its server does not come back, and the disk fails from here on: {image} cannot be opened: ", StringComparison.Ordinal)));
        await SampleDisks.WorksAsync(other);
        await host.XlOutputAsync("destroy", "guest");
        Assert.That(XenStoreTools.Run("exists", Path.Combine(host.Folder, "xenstored.socket"), error).ExitCode, Is.EqualTo(1));
        await SampleDisks.WorksAsync(other);
    }

    [Test]
    public async Task A_file_that_is_cut_short_fails_where_it_ended_and_the_guest_is_told()
    {
        await using var host = await SampleDisks.StartHostAsync();
        var image = SampleDisks.Make(host, "disk.img", "raw", 16);
        await using var guest = await SampleDisks.StartAsync(host, "guest", $"{image},raw,xvda,rw");
        await SampleDisks.WorksAsync(guest, "12M");
        Resize(image, 8 << 20);
        await guest.AskAsync("disk read xvda 12M 64K", Failed + "Read");
        await UntilLoggedAsync(host, $"{image}: a read of 65536 bytes at {12 << 20} failed: ");
        await SampleDisks.WorksAsync(guest, "4M");
        await PvHost.UntilAsync(async () => (await guest.AskAsync("disks", "pv> ")).Contains("8 MiB", StringComparison.Ordinal));
        Resize(image, 32 << 20);
        await PvHost.UntilAsync(async () => (await guest.AskAsync("disks", "pv> ")).Contains("32 MiB", StringComparison.Ordinal));
        await SampleDisks.WorksAsync(guest, "30M");

        // Without its name it is a file as before, until the guest is gone.
        File.Delete(image);
        await SampleDisks.WorksAsync(guest, "2M");
        await guest.SendAsync("reboot\r");
        Assert.That(await guest.ExitAsync(), Is.Zero);
        await PvHost.UntilAsync(async () => (await host.ListAsync()).Count == 1);
        await UntilLoggedAsync(host, $"{image}: No such file or directory");
    }

    [Test]
    public async Task A_host_without_space_costs_errors_until_there_is_some()
    {
        await using var host = PvHost.Prepare();
        var (full, fixedFolder) = (Directory.CreateDirectory(Path.Combine(host.Folder, "full")).FullName, Directory.CreateDirectory(Path.Combine(host.Folder, "fixed")).FullName);
        await StartWithMountsAsync(host,
            $"mount -t tmpfs -o size=6m tmpfs {full} && truncate -s 2M {full}/waste && truncate -s 16M {full}/disk.img && qemu-img create -q -f qcow2 {full}/disk.qcow2 16M",
            $"mount -t tmpfs tmpfs {fixedFolder} && truncate -s 1M {fixedFolder}/disk.img && mount -o remount,ro {fixedFolder}");
        await using (var guest = await SampleDisks.StartAsync(host, "guest", $"{full}/disk.img,raw,xvda,rw"))
        {
            await guest.AskAsync("disk write xvda 0 8M", Failed + "Write");
            await UntilLoggedAsync(host, "failed: No space left on device");
            await guest.AskAsync("disk read xvda 0 8M", "read 8388608 bytes");
            await guest.AskAsync("disk discard xvda 0 16M", "discarded");
            await SampleDisks.WorksAsync(guest, "8M");
            await guest.AskAsync("disk discard xvda 0 16M", "discarded");
        }
        await using (var guest = await SampleDisks.StartAsync(host, "other", $"{full}/disk.qcow2,qcow2,xvda,rw"))
        {
            await guest.AskAsync("disk write xvda 0 8M", Failed + "Write");
            await UntilLoggedAsync(host, "disk.qcow2: a write of ");
            await guest.AskAsync("disk discard xvda 0 16M", "discarded");
            await SampleDisks.WorksAsync(guest, "8M");
        }

        // What can only be read is not written.
        var refused = await host.XlAsync("create", host.WriteSample("third", more: $"disk=[\"{fixedFolder}/disk.img,raw,xvda,rw\"]"));
        Assert.That((refused.ExitCode, refused.Errors), Is.EqualTo((3,
            $"Parsing config from {host.Folder}/third.cfg\nDisk vdev=xvda: {fixedFolder}/disk.img cannot be opened for reading and writing: it can only be read\n")));
        await using (await SampleDisks.StartAsync(host, "third", $"{fixedFolder}/disk.img,raw,xvda,ro"))
            await host.XlOutputAsync("destroy", "third");
    }

    [Test]
    public async Task What_is_no_disk_is_refused_in_words()
    {
        await using var host = await SampleDisks.StartHostAsync();
        var raw = SampleDisks.Make(host, "disk.img", "raw", 1);
        var pipe = Path.Combine(host.Folder, "pipe");
        Command.Run("mkfifo", [pipe], host.Folder);
        foreach (var (disk, error) in new[]
        {
            ($"{host.Folder},raw,xvda,rw", $"{host.Folder} is a directory."),
            ($"{pipe},raw,xvda,ro", $"{pipe} is neither a file nor a block device."),
            ("/dev/zero,raw,xvda,rw", "/dev/zero is neither a file nor a block device."),
            ($"{raw},qcow2,xvda,rw", $"{raw} cannot be opened: qemu-nbd: .* qcow2 format"),
            ($"{raw},vhd,xvda,rw", $"{raw} cannot be opened: qemu-nbd: .* VPC image"),
            ($"{raw},qed,xvda,ro", $"{raw} cannot be opened: qemu-nbd: .* QED format"),
        })
        {
            var refused = await host.XlAsync("create", host.WriteSample("guest", more: $"disk=[\"{disk}\"]"));
            Assert.That(refused.ExitCode, Is.EqualTo(3), disk);
            Assert.That(refused.Errors, Does.Match($"^Parsing config from {host.Folder}/guest.cfg\nDisk vdev=xvda: {error}\n$"));
            Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
        }
    }

    [Test]
    public async Task A_file_is_one_disk_by_whatever_path_it_is_reached()
    {
        await using var host = await SampleDisks.StartHostAsync();
        var image = SampleDisks.Make(host, "disk.img", "raw", 4);
        var (hard, folder) = (Path.Combine(host.Folder, "hard.img"), Path.Combine(host.Folder, "folder"));
        Command.Run("ln", [image, hard], host.Folder);
        Directory.CreateSymbolicLink(folder, host.Folder);
        await using var guest = await SampleDisks.StartAsync(host, "guest", $"{image},raw,xvda,rw");
        foreach (var path in new[] { hard, Path.Combine(folder, "disk.img"), Path.Combine(folder, "hard.img") })
        {
            var refused = await host.XlAsync("create", host.WriteSample("other", more: $"disk=[\"{path},raw,xvda,ro\"]"));
            Assert.That((refused.ExitCode, refused.Errors), Is.EqualTo((3,
                $"Parsing config from {host.Folder}/other.cfg\nDisk vdev=xvda: {path} is xvda of domain guest, and only what nobody writes can be shared.\n")));
        }
        var twice = await host.XlAsync("block-attach", "guest", $"{hard},raw,xvdb,ro");
        Assert.That((twice.ExitCode, twice.Errors), Is.EqualTo((1, $"Disk vdev=xvdb: {hard} is xvda of domain guest, and only what nobody writes can be shared.\n")));
        await SampleDisks.WorksAsync(guest);
    }

    [TestCase("raw"), TestCase("qcow2")]
    public async Task Nothing_is_left_of_a_guest_that_is_destroyed_in_the_middle_of_its_work(string format)
    {
        var ends = TestRun.IsFull ? 50 : 8;
        await using var host = await SampleDisks.StartHostAsync();
        var image = SampleDisks.Make(host, $"disk.{format}", format, 16);
        var before = (Memory: 0L, Threads: 0, Files: 0);
        for (var end = 0; end <= ends; end++)
        {
            await using var guest = await SampleDisks.StartAsync(host, "guest", $"{image},{format},xvda,rw");
            await guest.AskAsync($"disk bench xvda {(end % 2 == 0 ? "randwrite" : "randread")} 64 32 600", "\n");
            await Task.Delay(Random.Shared.Next(60));
            await host.XlOutputAsync("destroy", "guest");
            Assert.That(Processes.FilesOf(host.Daemon.ProcessId), Has.None.Contains(image));
            Assert.That(Processes.WithArgument(image), Is.Empty);
            Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
            // The first makes what is kept for all that follow.
            if (end == 0)
                before = await LookAsync(host);
        }
        // The runtime keeps some descriptors, but none for each end.
        await PvHost.UntilAsync(async () => (await LookAsync(host)) is var now && now.Memory == before.Memory && now.Threads == 0 && now.Files < before.Files + ends / 2);
        Assert.That(Processes.ChildrenOf(host.Daemon.ProcessId), Is.Empty);
    }

    /// <summary>Free memory in MiB, threads of disks, and descriptors.</summary>
    private static async Task<(long Memory, int Threads, int Files)> LookAsync(PvHost host) =>
        (await host.FreeMemoryAsync(),
        Processes.ThreadsOf(host.Daemon.ProcessId).Count(name => name.StartsWith("vbd ", StringComparison.Ordinal) || name.StartsWith("nbd ", StringComparison.Ordinal) || name.StartsWith("disk ", StringComparison.Ordinal)),
        Processes.FilesOf(host.Daemon.ProcessId).Length);

    /// <summary>Starts <c>pvd</c> where some file systems are its own, which needs no root.</summary>
    private static async Task StartWithMountsAsync(PvHost host, params string[] mounts)
    {
        string[] apart = ["unshare", "--user", "--map-root-user", "--mount"];
        if (Command.Run(apart[0], [.. apart[1..], "mount", "-t", "tmpfs", "tmpfs", Path.Combine(host.Folder, "full")], host.Folder).ExitCode != 0)
            Assert.Ignore("This host lends no file systems to users.");
        host.SearchPath = DebianPrograms.Qemu.SearchPath;
        host.Launcher = [.. apart, "sh", "-c", $"{string.Join(" && ", mounts)} && exec \"$@\"", "sh"];
        await host.StartDaemonAsync("--memory=128");
    }

    private static Task UntilLoggedAsync(PvHost host, string words)
        => PvHost.UntilAsync(() => Task.FromResult(host.Read("pvd.log").Contains(words, StringComparison.Ordinal)));

    /// <summary>How many writes the guest <c>guest</c> has had answered.</summary>
    private static async Task<double> WritesAsync(PvHost host)
        => MetricsTests.Value(await host.XlOutputAsync("metrics"), "pv_disk_requests_total", "name=\"guest\"", "\"write\"");

    private static void Kill(string image)
    {
        foreach (var server in Processes.WithArgument(image))
            Command.Run("kill", ["-9", $"{server}"], "/");
    }

    private static void Resize(string file, long length)
    {
        using var opened = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        opened.SetLength(length);
    }
}
