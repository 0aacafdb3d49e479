using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Commands;

/// <summary><c>xl validate</c> as a process: exit codes, and that no <c>pvd</c> is started for it.</summary>
[TestFixture]
public sealed class ValidateTests
{
    [Test]
    public async Task Files_are_checked_without_a_host()
    {
        await using var host = PvHost.Prepare();
        var good = host.WriteSample("good");
        var bad = host.WriteConfiguration("bad", $"name=\"bad\"\nkernel=\"{PvHost.Samples}\"\nmemory=4\nmemroy=4\n");
        var twice = host.WriteSample("good2", more: "name=\"good\"");

        var done = await host.XlAsync("validate", good);
        Assert.That((done.ExitCode, done.Output, done.Errors), Is.EqualTo((0, "", "1 file: 0 errors, 0 warnings\n")));
        done = await host.XlAsync("validate", "-q", good, bad);
        Assert.That((done.ExitCode, done.Output, done.Errors), Is.EqualTo((1, $"{bad}:4:1: error: memroy: unknown key; did you mean memory?\n", "")));
        Assert.That((await host.XlAsync("validate", "-q", twice)).ExitCode, Is.Zero, "warnings are no errors");
        Assert.That((await host.XlAsync("validate", "-W", "-q", twice)).ExitCode, Is.EqualTo(1));
        var json = JObject.Parse((await host.XlAsync("validate", "--json", bad, "/nowhere.cfg")).Output);
        Assert.That(((int)json["errors"]!, (int)json["findings"]![0]!["line"]!), Is.EqualTo((2, 4)));
        Assert.That((await host.XlAsync("validate")).ExitCode, Is.EqualTo(2));
        Assert.That(Path.Exists(Path.Combine(host.Folder, "pvd.pid")), Is.False);
    }
}
