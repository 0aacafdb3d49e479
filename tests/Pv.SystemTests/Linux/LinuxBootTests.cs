using System.Diagnostics;
using System.Security.Cryptography;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Linux;

/// <summary>Debian's kernels boot to a shell, and what people do at a shell works.</summary>
[TestFixture]
public sealed class LinuxBootTests
{
    private const int MachineMemory = 3072;

    // Every pair of choices; PV_TESTS=full runs all of them.
    private static IEnumerable<LinuxShape> Shapes() => TestRun.IsFull
        ? from flavour in (string[])["cloud-amd64", "amd64"] from vcpus in (int[])[1, 4] from memory in (int[])[256, 2048] select new LinuxShape(flavour, vcpus, memory)
        : [new("cloud-amd64", 1, 256), new("cloud-amd64", 4, 2048), new("amd64", 1, 2048), new("amd64", 4, 256)];

    [TestCaseSource(nameof(Shapes))]
    public async Task It_boots_works_and_powers_off(object choice)
    {
        var shape = (LinuxShape)choice;
        await using var host = await PvHost.StartAsync(MachineMemory);
        var free = await host.FreeMemoryAsync();
        var watch = Stopwatch.StartNew();
        await using var guest = await LinuxGuest.StartAsync(host, shape);
        TestContext.Out.WriteLine($"{shape}: its shell after {watch.Elapsed.TotalSeconds:F1} s");

        Assert.That(await guest.RunAsync("dmesg"), Does.Contain("Hypervisor detected: Xen PV").And.Contain("Booting kernel on Xen"));
        Assert.That((await guest.RunAsync("cat /proc/cpuinfo")).Split('\n').Count(line => line.StartsWith("processor", StringComparison.Ordinal)), Is.EqualTo(shape.Vcpus));
        Assert.That(await TotalMemoryAsync(guest), Is.InRange((shape.Memory - 96) * 1024, shape.Memory * 1024));
        Assert.That(await guest.RunAsync("top -b -n 1"), Does.Contain("Mem:").And.Contain("init"));
        Assert.That(await guest.RunAsync("i=0; s=0; while [ $i -lt 1000 ]; do i=$((i+1)); s=$((s+i)); done; echo $s"), Is.EqualTo("500500\n"));
        Assert.That(await guest.RunAsync("awk 'BEGIN { for (i = 1; i <= 1000; i++) s += 1 / i; printf \"%.12f\\n\", s }'"), Is.EqualTo("7.485470860550\n"));
        Assert.That(await guest.RunAsync("dd if=/dev/zero bs=64k count=64 2> /dev/null | sha256sum"), Is.EqualTo($"{Convert.ToHexStringLower(SHA256.HashData(new byte[64 * 65536]))}  -\n"));

        await guest.Console.SendAsync("poweroff\r");
        Assert.That(await guest.Console.ExitAsync(), Is.Zero);
        await PvHost.UntilAsync(async () => (await host.ListAsync()).Count == 1);
        Assert.That(await host.FreeMemoryAsync(), Is.EqualTo(free));
    }

    private static async Task<int> TotalMemoryAsync(LinuxGuest guest)
    {
        var line = (await guest.RunAsync("free")).Split('\n').Single(line => line.StartsWith("Mem:", StringComparison.Ordinal));
        return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
