using System.Globalization;
using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Commands;

/// <summary><c>xl metrics</c>: the text is Prometheus', the values follow what a guest does.</summary>
[TestFixture]
public sealed class MetricsTests
{
    private PvHost _host = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _host = await PvHost.StartAsync(memory: 256);
        var disk = Path.Combine(_host.Folder, "disk.raw");
        await File.WriteAllBytesAsync(disk, new byte[1 << 20]);
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest", more: $"disk=['{disk},raw,xvda,rw']"));
    }

    [TearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    /// <summary>The one value of a metric that has all these labels.</summary>
    internal static double Value(string text, string name, params string[] labels)
        => text.Split('\n').Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) && labels.All(label => line.Contains(label, StringComparison.Ordinal)))
            .Select(line => double.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture)).Single();

    [Test]
    public async Task The_values_follow_what_a_guest_does()
    {
        var before = await _host.XlOutputAsync("metrics");
        Assert.That(before.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.All.Match("^(# (HELP|TYPE) pv_[a-z_]+ .+|pv_[a-z_]+(\\{([a-z]+=\"[^\"]*\",?)+\\})? [0-9.Ee+-]+)$"));
        await using (var console = _host.OpenXl("console", "guest"))
        {
            await console.ExpectAsync("xvda: 1 MiB");
            await console.AskAsync("disk write xvda 0 4096", "written");
            await console.AskAsync("disk read xvda 0 4096", "\nread");
            await console.AskAsync("spin 1", " rounds");
        }
        var now = await _host.XlOutputAsync("metrics");

        Assert.That(Value(now, "pv_domain_cpu_seconds_total", "name=\"guest\""), Is.GreaterThan(Value(before, "pv_domain_cpu_seconds_total", "name=\"guest\"") + 0.2));
        Assert.That(Value(now, "pv_vcpu_runstate_seconds_total", "name=\"guest\"", "state=\"running\""), Is.GreaterThan(0.2));
        Assert.That(Value(now, "pv_domain_hypercalls_total", "name=\"guest\"", "\"event_channel_op\""), Is.GreaterThan(Value(before, "pv_domain_hypercalls_total", "name=\"guest\"", "\"event_channel_op\"")));
        Assert.That(Value(now, "pv_domain_exits_total", "name=\"guest\"", "\"blocked\""), Is.Positive);
        Assert.That(Value(now, "pv_disk_requests_total", "vdev=\"51712\"", "\"write\""), Is.Positive);
        Assert.That(Value(now, "pv_disk_sectors_total", "\"read\""), Is.Positive);
        Assert.That(Value(now, "pv_disk_ring_entries", "name=\"guest\""), Is.GreaterThanOrEqualTo(32));
        Assert.That(Value(now, "pv_domain_memory_bytes", "name=\"guest\""), Is.EqualTo(4 << 20));
        Assert.That(Value(now, "pv_xenstore_nodes", "name=\"guest\""), Is.Positive);
        Assert.That(now, Does.Contain("\npv_host_cpus 2\n"));
    }

    [Test]
    public async Task They_are_served_on_loopback()
    {
        await using var server = _host.OpenXl("metrics", "--listen", "0");
        var url = Regex.Match(await server.ExpectAsync("/metrics\n"), "http://127.0.0.1:\\d+/metrics").Value;
        using var client = new HttpClient();
        using (var answer = await client.GetAsync(url))
        {
            Assert.That(answer.Content.Headers.ContentType!.MediaType, Is.EqualTo("text/plain"));
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("pv_domain_vcpus{domid=\"1\",name=\"guest\"} 1\n"));
        }
        using (var missing = await client.GetAsync(url + "/no"))
            Assert.That((int)missing.StatusCode, Is.EqualTo(404));
        var taken = await _host.XlAsync("metrics", "--listen", url.Split(':')[2].Split('/')[0]);
        Assert.That((taken.ExitCode, taken.Errors.Contains("cannot be listened on", StringComparison.Ordinal)), Is.EqualTo((1, true)));
        Command.Run("kill", ["-INT", $"{server.ProcessId}"], _host.Folder);
        Assert.That(await server.ExitAsync(), Is.Zero);
    }
}
