using System.Globalization;
using NUnit.Framework;
using Pv.Abi;
using Pv.SystemTests.Hosts;
using Pv.Toolstack.Building;

namespace Pv.SystemTests.Linux;

/// <summary>What <c>xl</c> asks of a Linux guest, Linux does, and says so in /proc.</summary>
[TestFixture]
public sealed class LinuxLifecycleTests
{
    private const int KibPerMib = 1024;

    [Test]
    public async Task Memory_pauses_keys_and_ends()
    {
        await using var host = await PvHost.StartAsync(memory: 1024);
        var free = await host.FreeMemoryAsync();
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape(), "linux", "maxmem=384");
        var first = await TotalMemoryAsync(guest);
        Assert.That(first, Is.InRange(150, 256));

        await host.XlOutputAsync("mem-set", "linux", "320");
        await host.UntilAsync("linux", domain => domain.Memory == 320);
        await UntilGrownAsync(64);
        await host.XlOutputAsync("mem-set", "linux", "192m");
        await host.UntilAsync("linux", domain => domain.Memory == 192);
        await UntilGrownAsync(-64);

        await host.XlOutputAsync("pause", "linux");
        await guest.Console.SendAsync("cat /proc/uptime\r");
        var time = (await host.FindAsync("linux")).Time;
        Assert.That((await host.FindAsync("linux")).State, Does.Match("^..p---$"));
        Assert.That((await host.FindAsync("linux")).Time, Is.EqualTo(time));
        await host.XlOutputAsync("unpause", "linux");
        await guest.Console.ExpectAsync(LinuxGuest.Prompt);

        await host.XlOutputAsync("sysrq", "linux", "h");
        await guest.Console.ExpectAsync("sysrq: HELP");
        await guest.Console.SendAsync("\r");
        await guest.Console.ExpectAsync(LinuxGuest.Prompt);

        await host.XlOutputAsync("reboot", "-w", "linux");
        await guest.MeetAsync();
        var again = await host.FindAsync("linux");
        Assert.That((again.Id, again.Memory), Is.EqualTo((2, 192)), "what mem-set said holds for the restart");

        await host.XlOutputAsync("shutdown", "-w", "linux");
        Assert.That(await guest.Console.ExitAsync(), Is.Zero);
        await PvHost.UntilAsync(async () => (await host.ListAsync()).Count == 1);
        Assert.That(await host.FreeMemoryAsync(), Is.EqualTo(free));

        // Linux counts what it was given a moment after it was given it.
        async Task UntilGrownAsync(int megabytes)
        {
            var total = 0;
            await PvHost.UntilAsync(async () => Math.Abs((total = await TotalMemoryAsync(guest)) - first - megabytes) <= 1, () => $"{first} MiB became {total}");
        }
    }

    [Test]
    public async Task Vcpus_come_and_go_and_take_NMIs()
    {
        await using var host = await PvHost.StartAsync(memory: 512);
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape(Vcpus: 2, Memory: 128), "linux", "maxvcpus=4");
        // Linux starts every vCPU that there may be, and lets those go that the toolstack calls offline.
        await UntilAsync(guest, "online", "0-1");
        await host.UntilAsync("linux", domain => domain.Vcpus == 2);

        await host.XlOutputAsync("vcpu-set", "-i", "linux", "4");
        await UntilAsync(guest, "present", "0-3");
        // What is there is the kernel's business; what is used, user space's (a rule of udev's, elsewhere).
        await guest.RunAsync("for i in 2 3; do echo 1 > /sys/devices/system/cpu/cpu$i/online; done");
        await UntilAsync(guest, "online", "0-3");
        Assert.That(await guest.RunAsync("grep -c ^processor /proc/cpuinfo"), Is.EqualTo("4\n"));
        Assert.That((await host.FindAsync("linux")).Vcpus, Is.EqualTo(4));

        await host.XlOutputAsync("vcpu-set", "linux", "1");
        await UntilAsync(guest, "online", "0");
        Assert.That(await guest.RunAsync("grep -c ^processor /proc/cpuinfo"), Is.EqualTo("1\n"));
        await host.UntilAsync("linux", domain => domain.Vcpus == 1);
        var rows = (await host.XlOutputAsync("vcpu-list", "linux")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(rows[2..], Has.Length.EqualTo(3).And.All.Contains("    -   --p "));

        await host.XlOutputAsync("trigger", "linux", "nmi");
        await guest.Console.ExpectAsync("NMI received for unknown reason");
    }

    [Test]
    public async Task Its_core_is_dumped_while_it_lives_and_when_it_crashes()
    {
        await using var host = await PvHost.StartAsync(memory: 512);
        await using var guest = await LinuxGuest.StartAsync(host, new LinuxShape(Memory: 128), "linux", "on_crash=\"coredump-destroy\"");
        var living = Path.Combine(host.Folder, "living");
        await host.XlOutputAsync("dump-core", "linux", living);
        AssertCore(living, pages: 128 << 8);
        Assert.That(await guest.RunAsync("uname"), Is.EqualTo("Linux\n"), "it runs on");

        await guest.Console.SendAsync("echo c > /proc/sysrq-trigger\r");
        Assert.That(await guest.Console.ExitAsync(), Is.Zero);

        AssertCore(Path.Combine(host.Folder, "dump", "linux"), pages: 128 << 8);
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
    }

    /// <summary>A file with the sections that Xen's tools write, whose memory holds the kernel's banner.</summary>
    private static void AssertCore(string path, ulong pages)
    {
        var core = ElfFile.Parse(File.ReadAllBytes(path));
        Assert.That(
            core.Sections.Select(section => section.Name).Where(name => name.Length > 0),
            Is.EqualTo(new[] { ".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_shared_info", ".xen_pages", ".xen_p2m" }));
        ulong Size(string name) => core.Sections.Single(section => section.Name == name).Size;
        Assert.That(Size(".note.Xen"), Is.EqualTo(0x568), "as long as real Xen's");
        Assert.That(Size(".xen_prstatus"), Is.EqualTo(VcpuGuestContext.WireSize));
        Assert.That(Size(".xen_pages") >> PageSize.Shift, Is.InRange(pages - 16, pages));
        Assert.That(Size(".xen_p2m") / 16, Is.EqualTo(Size(".xen_pages") >> PageSize.Shift));
        Assert.That(File.ReadAllBytes(path).AsSpan().IndexOf("Linux version 6.1."u8), Is.Positive);
    }

    /// <summary>Waits until a list of CPUs is what it should be.</summary>
    private static async Task UntilAsync(LinuxGuest guest, string list, string cpus)
        => await PvHost.UntilAsync(async () => await guest.RunAsync($"cat /sys/devices/system/cpu/{list}") == cpus + "\n");

    /// <summary>What Linux manages, in MiB.</summary>
    private static async Task<int> TotalMemoryAsync(LinuxGuest guest)
        => int.Parse((await guest.RunAsync("grep ^MemTotal: /proc/meminfo")).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / KibPerMib;
}
