using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Disks;

/// <summary>C# guests with disks, and images for them.</summary>
internal static class SampleDisks
{
    /// <summary>A host that finds qemu-nbd.</summary>
    public static async Task<PvHost> StartHostAsync(int memory = 128)
    {
        var host = PvHost.Prepare();
        host.SearchPath = DebianPrograms.Qemu.SearchPath;
        await host.StartDaemonAsync($"--memory={memory}");
        return host;
    }

    /// <summary>Makes an empty image in the host's folder. Returns its path.</summary>
    public static string Make(PvHost host, string name, string format, int megabytes)
    {
        var path = Path.Combine(host.Folder, name);
        DebianPrograms.Qemu.Output("qemu-img", "create", "-q", "-f", format, path, $"{megabytes}M");
        return path;
    }

    /// <summary>Creates a guest and waits until it has its disk. The session is at its console.</summary>
    /// <param name="host">Where.</param>
    /// <param name="name">The domain's.</param>
    /// <param name="disk">As in a configuration; its device is xvda.</param>
    public static async Task<Session> StartAsync(PvHost host, string name, string disk)
    {
        var console = host.OpenXl("create", "-c", host.WriteSample(name, more: $"disk=[\"{disk}\"]"));
        await console.ExpectAsync("xvda: ");
        return console;
    }

    /// <summary>Writes, flushes and reads, all of which is to succeed.</summary>
    public static async Task WorksAsync(Session guest, string offset = "0")
    {
        var written = await SumAsync(guest, $"disk write xvda {offset} 256K {Random.Shared.Next(1, 1000)}", "written ");
        await guest.AskAsync("disk flush xvda", "\nflushed");
        Assert.That(await SumAsync(guest, $"disk read xvda {offset} 256K", "read "), Is.EqualTo(written));
    }

    private static async Task<string> SumAsync(Session guest, string command, string done)
    {
        await guest.AskAsync(command, done + "262144 bytes, sha256 ");
        return await guest.ExpectAsync("\n");
    }
}
