using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Guests;

/// <summary>Real kernels that crash: named in <c>xl dmesg</c> with registers and reason, shown by <c>xl list</c>, and no harm to a neighbour.</summary>
[TestFixture]
public sealed class CrashedKernelTests
{
    // Debian's pvgrub begins to run at the first byte of its first segment, which lies at this place of the file.
    private const int EntryInFile = 0x1000;

    private PvHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await PvHost.StartAsync(memory: 256);

    [OneTimeTearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [TestCase("undefined", new byte[] { 0x0f, 0x0b }, "no handler for invalid opcode")]
    [TestCase("nowhere", new byte[] { 0x48, 0xb8, 0, 0, 0, 0xef, 0xbe, 0x7f, 0, 0, 0xff, 0xe0 }, "no handler for a page fault at 0x7fbeef000000")]
    [TestCase("hypervisor", new byte[] { 0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0x48, 0x89, 0x00 }, "no handler for a page fault at 0xffff800000000000")]
    public async Task A_kernel_without_a_handler(string name, byte[] code, string reason)
    {
        var neighbour = $"beside-{name}";
        Assert.That((await _host.XlAsync("create", "-q", _host.WriteSample(neighbour))).ExitCode, Is.Zero);
        var free = await _host.FreeMemoryAsync();
        var kernel = File.ReadAllBytes(DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin"));
        code.CopyTo(kernel, EntryInFile);
        var image = Path.Combine(_host.Folder, $"{name}.bin");
        File.WriteAllBytes(image, kernel);
        var config = _host.WriteConfiguration(name, $"name=\"{name}\"\nmemory=32\non_crash=\"preserve\"\nkernel=\"{image}\"");
        Assert.That((await _host.XlAsync("create", "-q", config)).ExitCode, Is.Zero);

        var crashed = await _host.UntilAsync(name, domain => domain.State.Contains('c', StringComparison.Ordinal));
        // Its name comes from the toolstack, which hears of the crash later than the list shows it.
        var log = "";
        await PvHost.UntilAsync(async () => (log = await _host.XlOutputAsync("dmesg")).Contains($"\"{name}\"", StringComparison.Ordinal), () => log);
        Assert.Multiple(() =>
        {
            Assert.That(log, Does.Contain($"d{crashed.Id}v0: the guest has {reason}"));
            Assert.That(log, Does.Contain("rip e033:").And.Contain("rsp").And.Contain("cr3"));
            Assert.That(log, Does.Contain($"domain {crashed.Id} crashed").And.Contain($"\"{name}\""));
        });
        await _host.XlOutputAsync("destroy", name);
        Assert.That(await _host.FreeMemoryAsync(), Is.EqualTo(free));
        Assert.That((await _host.FindAsync(neighbour)).State, Does.Not.Contain("c"));
        await _host.XlOutputAsync("destroy", neighbour);
    }
}
