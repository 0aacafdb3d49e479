using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.XenStore;

namespace Pv.SystemTests.Disks;

/// <summary>xl's grammar has no word for vmdk, here as on Xen. The back end serves such an image to whoever announces it in the store.</summary>
[TestFixture]
public sealed class VmdkTests
{
    [Test]
    public async Task Is_served_when_it_is_announced_and_xl_says_that_it_does_not_know_it()
    {
        await using var host = await SampleDisks.StartHostAsync();
        var image = SampleDisks.Make(host, "disk.vmdk", "vmdk", 16);
        var configuration = host.WriteSample("guest", more: $"disk=[\"{image},vmdk,xvda,rw\"]");
        var refused = await host.XlAsync("create", configuration);
        Assert.That((refused.ExitCode, refused.Errors), Is.EqualTo((1,
            $"Parsing config from {configuration}\n{configuration}: config parsing error in disk specification: unknown value for format: near `vmdk' in `{image},vmdk,xvda,rw'\n")));
        var validated = await host.XlAsync("validate", configuration);
        Assert.That(validated.Output + validated.Errors, Does.Contain("; the formats are raw, qcow, qcow2, vhd and qed; qemu-img convert makes one of them of others, such as vmdk"));

        await using var guest = host.OpenXl("create", "-c", host.WriteSample("guest"));
        await guest.ExpectAsync("Try 'help'.");
        var domain = (await host.FindAsync("guest")).Id;
        var (front, back) = ($"/local/domain/{domain}/device/vbd/51712", $"/local/domain/0/backend/vbd/{domain}/51712");
        var socket = Path.Combine(host.Folder, "xenstored.socket");
        string[] frontEnd = [front, "", $"{front}/backend", back, $"{front}/backend-id", "0", $"{front}/virtual-device", "51712", $"{front}/device-type", "disk", $"{front}/state", "1"];
        string[] backEnd =
        [
            back, "", $"{back}/frontend", front, $"{back}/frontend-id", $"{domain}", $"{back}/params", $"vmdk:{image}", $"{back}/type", "qdisk", $"{back}/mode", "w",
            $"{back}/device-type", "disk", $"{back}/online", "1", $"{back}/removable", "0", $"{back}/state", "1",
        ];
        XenStoreTools.Output("write", socket, frontEnd);
        XenStoreTools.Output("chmod", socket, "-r", front, $"n{domain}", "r0");
        XenStoreTools.Output("write", socket, backEnd);
        XenStoreTools.Output("chmod", socket, "-r", back, "n0", $"r{domain}");
        await guest.ExpectAsync("xvda: 16 MiB");
        await SampleDisks.WorksAsync(guest, "9M");
        await host.XlOutputAsync("destroy", "guest");
        await PvHost.UntilAsync(() => Task.FromResult(Processes.WithArgument(image).Length == 0));
    }
}
