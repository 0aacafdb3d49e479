using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Linux;
using Pv.Tests;

namespace Pv.SystemTests.XenStore;

/// <summary>All that stands in the store beside Debian's Linux with a disk, held against what real Xen's store had.</summary>
[TestFixture]
public sealed class LinuxTreeTests
{
    [Test]
    public async Task The_store_is_that_of_Xen_key_by_key([Values(1, 2)] int vcpus)
    {
        await using var host = await PvHost.StartAsync(512);
        var image = Path.Combine(host.Folder, "disk.img");
        await File.WriteAllBytesAsync(image, new byte[16 << 20]);
        var initramfs = LinuxFiles.Pack(("xen-blkfront.ko", LinuxFiles.Module("drivers/block/xen-blkfront.ko")));
        await using var linux = await LinuxGuest.StartAsync(host, new LinuxShape(Vcpus: vcpus), "linux", $"ramdisk=\"{initramfs}\"", $"disk=[\"{image},raw,xvda,rw\"]");
        await linux.RunAsync("insmod /xen-blkfront.ko; until [ -b /dev/xvda ]; do sleep 0.1; done; cat /dev/xvda > /dev/null");

        var domain = (await host.FindAsync("linux")).Id;
        var uuid = XenStoreTools.Output("read", Socket(host), $"/local/domain/{domain}/vm").Trim()["/vm/".Length..];
        AssertSame("linux", $"linux-{vcpus}vcpu", Show(host).Without(domain, uuid));

        await host.XlOutputAsync("destroy", "linux");
        AssertSame("gone", "gone", Show(host));
    }

    private static StoreTree Show(PvHost host) => StoreTree.Parse(XenStoreTools.Output("ls", Socket(host), "-f", "-p"));

    private static string Socket(PvHost host) => Path.Combine(host.Folder, "xenstored.socket");

    private static void AssertSame(string situation, string recorded, StoreTree here)
    {
        var there = StoreTree.Parse(File.ReadAllText(Repository.Data("xenstore", "trees", recorded + ".txt")));
        Assert.That(TreeDifferences.Read(situation).Compare(there, here), Is.Empty);
    }
}
