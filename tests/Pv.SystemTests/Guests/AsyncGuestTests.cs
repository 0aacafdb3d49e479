using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Guests;

/// <summary>Guests with asynchronous hypercalls by <c>pvd</c> and <c>xl</c>: only where the configuration has <c>async_hypercalls=1</c>, counted, and marked in traces.</summary>
[TestFixture]
public sealed class AsyncGuestTests
{
    private const string Allowed = "async_hypercalls=1", Prompt = "pv> ";

    private PvHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await PvHost.StartAsync(memory: 256);

    [OneTimeTearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_csharp_guests_queue_is_counted_and_traced()
    {
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("queued", more: Allowed));
        await using (var console = _host.OpenXl("console", "queued"))
        {
            await console.ExpectAsync(Prompt);
            await _host.XlOutputAsync("trace", "queued", "on");
            await console.AskAsync("async 3", "96 of 96 calls were made, ");
            await _host.XlOutputAsync("trace", "queued", "off");
            await console.AskAsync("async 2", "64 of 64 calls were made, ");
        }
        var metrics = await _host.XlOutputAsync("metrics");
        Assert.That((Value(metrics, "submissions"), Value(metrics, "completions"), Value(metrics, "waits")), Is.EqualTo((160, 160, 0)), "a queue's counts go on in the next one");
        Assert.That(Value(metrics, "wakeups"), Is.InRange(2, 5), "at the beginning of a queue, and at most once a batch");

        var rows = (await _host.XlOutputAsync("trace", "queued", "show", "--json")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(JObject.Parse).ToArray();
        var queued = rows.Where(row => row.ContainsKey("queue")).ToArray();
        Assert.That(queued.Select(row => (string?)row["hypercall"]), Is.All.EqualTo("xen_version"));
        Assert.That(queued.Select(row => (int)row["queue"]!["index"]!), Is.EqualTo(Enumerable.Range(0, 96)));
        Assert.That(((bool)queued[0]["queue"]!["woken"]!, queued.Count(row => (bool)row["queue"]!["waited"]!)), Is.EqualTo((true, 0)));
        Assert.That(await _host.XlOutputAsync("trace", "queued", "show"), Does.Contain("[v0 queue 0 woken] ").And.Contain("[v0 queue 95").And.Contain("[v0] "));
        var counts = JObject.Parse(await _host.XlOutputAsync("trace", "queued", "counts", "--json"));
        Assert.That((int)counts["hypercalls"]!["xen_version"]!, Is.LessThan(96), "only what entered the hypervisor");
    }

    [Test]
    public async Task Without_the_key_a_csharp_guest_has_none()
    {
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("plain"));
        await using (var console = _host.OpenXl("console", "plain"))
        {
            await console.ExpectAsync(Prompt);
            await console.AskAsync("async", "async: there are no asynchronous hypercalls here");
        }
        var metrics = await _host.XlOutputAsync("metrics");
        Assert.That(metrics.Split('\n').Where(line => line.StartsWith("pv_async_", StringComparison.Ordinal) && line.Contains("name=\"plain\"", StringComparison.Ordinal)), Is.Empty);
    }

    [TestCase(true, "poweroff")]
    [TestCase(false, "reboot")]
    public async Task A_kernel_finds_them_by_their_leaf_where_they_are_allowed(bool allowed, string end)
    {
        var image = Path.Combine(_host.Folder, "async.elf");
        await File.WriteAllBytesAsync(image, AsyncKernel.Image());
        var name = $"kernel-{end}";
        var stays = string.Join('\n', ((string[])["poweroff", "reboot", "crash"]).Select(reason => $"on_{reason}=\"preserve\""));
        await _host.XlOutputAsync("create", "-q", _host.WriteConfiguration(name, $"name=\"{name}\"\nkernel=\"{image}\"\nmemory=32\n{stays}\n{(allowed ? Allowed : "")}\n"));

        var waited = await _host.XlAsync("wait", "-t", "8m", name, end);
        Assert.That(waited.ExitCode, Is.Zero, waited.Errors + await _host.XlOutputAsync("dmesg"));
        await _host.XlOutputAsync("destroy", name);
    }

    private static int Value(string metrics, string what)
        => (int)metrics.Split('\n').Where(line => line.StartsWith($"pv_async_{what}_total{{", StringComparison.Ordinal) && line.Contains("name=\"queued\"", StringComparison.Ordinal))
            .Select(line => double.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture)).Single();
}
