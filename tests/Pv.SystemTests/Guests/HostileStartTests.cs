using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Guests;

/// <summary>Configurations and start images that make no sense: one sentence, the exit code of the real tool, and nothing left behind.</summary>
[TestFixture]
public sealed class HostileStartTests
{
    // The exit codes of the real tool: a configuration that it refuses, and a domain that it cannot build.
    private const int Refused = 1, Failed = 3;
    private const int MutatedImages = 24, MutatedBytes = 16, Headers = 1024;

    private PvHost _host = null!;
    private long _free;

    private static byte[] Kernel => File.ReadAllBytes(DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin"));

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await PvHost.StartAsync(memory: 256);
        _free = await _host.FreeMemoryAsync();
    }

    [OneTimeTearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [TestCase("", "Domain name must be specified", Refused)]
    [TestCase("name=\"t\"", "Neither kernel nor bootloader specified", Refused)]
    [TestCase("name=\"t\"\nkernel=\"/nosuch\"", "'/nosuch': No such file or directory", Failed)]
    [TestCase("name=\"t\"\nkernel=\"/\"", "'/'", Failed)]
    [TestCase("name=\"t\"\nkernel=\"/dev/zero\"", "'/dev/zero': File too large", Failed)]
    [TestCase("name=\"t\"\nname = unquoted", "config parsing error", Refused)]
    [TestCase("name=\"t\"\nkernel=[[[[", "config parsing error", Refused)]
    [TestCase("\0\u0001\u0002", "config parsing error", Refused)]
    public Task A_configuration(string content, string sentence, int exitCode) => AssertRefusedAsync(content, sentence, exitCode);

    [Test]
    public async Task A_configuration_that_is_a_folder_or_nowhere()
    {
        await AssertSentenceAsync(["create", _host.Folder], _host.Folder, Failed);
        await AssertSentenceAsync(["create", "/nosuch.cfg"], "/nosuch.cfg: No such file or directory", Failed);
    }

    [Test]
    public async Task An_endless_configuration()
    {
        await AssertSentenceAsync(["create", "/dev/zero"], "too large", Failed);
        await AssertSentenceAsync(["create", "-n", "/dev/zero"], "too large", Failed);
    }

    [Test]
    public async Task An_image_that_is_no_kernel()
    {
        await AssertImageAsync([], "");
        await AssertImageAsync(new byte[1 << 16], "");
        await AssertImageAsync([.. Enumerable.Range(0, 1 << 16).Select(i => (byte)((i * 31) ^ (i >> 7)))], "");
    }

    [Test]
    public async Task A_kernel_cut_off()
    {
        var kernel = Kernel;
        foreach (var length in new[] { 3, 63, 64, 200, 4096, kernel.Length / 2 })
            await AssertImageAsync(kernel[..length], "");
    }

    [Test]
    public Task A_kernel_without_room()
        => AssertRefusedAsync($"name=\"t\"\nmemory=4\nkernel=\"{WriteImage(Kernel)}\"", "", Failed);

    [Test]
    public Task More_memory_than_the_machine_has()
        => AssertRefusedAsync($"name=\"t\"\nmemory=100000\nkernel=\"{WriteImage(Kernel)}\"", "memory", Failed);

    [Test]
    public async Task An_assembly_that_has_no_such_guest()
    {
        await AssertRefusedAsync($"name=\"t\"\nmemory=4\nkernel=\"{PvHost.Built("Pv.Dom0", "Pv.Abi.dll")}\"", "Pv.Abi", Failed);
        await AssertRefusedAsync($"name=\"t\"\nmemory=4\nextra=\"guest=Nobody\"\nkernel=\"{PvHost.Built("Pv.SampleGuests", "Pv.SampleGuests.dll")}\"", "Nobody", Failed);
    }

    [Test]
    public async Task Kernels_with_spoilt_headers_cost_at_most_themselves()
    {
        var kernel = Kernel;
        for (var seed = 0; seed < MutatedImages; seed++)
        {
            var random = new Random(seed);
            var spoilt = (byte[])kernel.Clone();
            for (var i = 0; i < MutatedBytes; i++)
                spoilt[random.Next(Headers)] = (byte)random.Next(256);
            var config = _host.WriteConfiguration("spoilt", $"name=\"spoilt{seed}\"\nmemory=32\non_crash=\"destroy\"\nkernel=\"{WriteImage(spoilt)}\"");
            var done = await _host.XlAsync("create", "-q", config);
            Assert.That(done.Errors, Does.Not.Contain("   at "), $"seed {seed}");
            // It may have crashed and gone by now.
            if (done.ExitCode == 0)
                await _host.XlAsync("destroy", $"spoilt{seed}");
        }
        await AssertNothingIsLeftAsync();
    }

    private Task AssertImageAsync(byte[] image, string sentence)
        => AssertRefusedAsync($"name=\"t\"\nmemory=32\nkernel=\"{WriteImage(image)}\"", sentence, Failed);

    private Task AssertRefusedAsync(string content, string sentence, int exitCode)
        => AssertSentenceAsync(["create", _host.WriteConfiguration("t", content)], sentence, exitCode);

    private async Task AssertSentenceAsync(string[] words, string sentence, int exitCode)
    {
        var done = await _host.XlAsync(words);
        Assert.Multiple(() =>
        {
            Assert.That(done.ExitCode, Is.EqualTo(exitCode), done.Errors);
            Assert.That(done.Errors, Does.Contain(sentence).And.Not.Contain("   at ").And.Not.Contain("inside pvd"));
            Assert.That(done.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.InRange(1, 4), done.Errors);
        });
        await AssertNothingIsLeftAsync();
    }

    private async Task AssertNothingIsLeftAsync()
    {
        Assert.That((await _host.ListAsync()).Select(domain => domain.Name), Is.EqualTo(new[] { "Domain-0" }));
        Assert.That(await _host.FreeMemoryAsync(), Is.EqualTo(_free));
    }

    private string WriteImage(byte[] image)
    {
        var path = Path.Combine(_host.Folder, "image");
        File.WriteAllBytes(path, image);
        return path;
    }
}
