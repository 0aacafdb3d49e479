using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.Tests;

namespace Pv.SystemTests.Commands;

/// <summary>What every command prints with <c>--json</c> has the shape that docs/xl-json.md gives.</summary>
[TestFixture]
public sealed class JsonTests
{
    private PvHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await PvHost.StartAsync(memory: 256);
        var disk = Path.Combine(_host.Folder, "disk.raw");
        await File.WriteAllBytesAsync(disk, new byte[1 << 20]);
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest", more: $"disk=['{disk},raw,xvda,rw']\nchannel=['connection=pty,name=agent']"));
        await _host.XlOutputAsync("trace", "guest", "on");
        await using var console = _host.OpenXl("console", "guest");
        await console.AskAsync("xs read name", "guest");
    }

    [OneTimeTearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    private static IEnumerable<TestCaseData> Documented()
    {
        foreach (var row in File.ReadLines(Path.Combine(Repository.Root, "docs", "xl-json.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal)))
        {
            var cells = row.Split(" | ");
            foreach (var command in cells[0].Split('`').Where((_, i) => i % 2 == 1))
                yield return new TestCaseData(command, cells[1].Split('`')[1]).SetName($"xl {command} --json");
        }
    }

    [TestCaseSource(nameof(Documented))]
    public async Task What_is_printed_has_the_documented_shape(string command, string shape)
    {
        string[] words = command switch
        {
            "domid" => ["domid", "guest"],
            "domname" => ["domname", "1"],
            "create" => ["create", "-q", _host.WriteSample("second")],
            "block-list" or "channel-list" => [command, "guest"],
            "trace show" => ["trace", "guest", "show"],
            "trace counts" => ["trace", "guest", "counts"],
            "run" => ["run", _host.WriteSample("third"), "-s", "shutdown"],
            "wait" => ["wait", "guest", "running"],
            "events" => ["events", "-t", "0"],
            "xenstore-quota-get" => ["xenstore-quota-get", "guest"],
            "top" => ["top", "-i", "1"],
            "validate" => ["validate", "/nowhere.cfg"],
            "shutdown" or "reboot" => [command, "-w", "of-" + command],
            "lab" => ["lab", "batching", "--quick", "-r", "3", "-e", "interpreted", "-c", "null"],
            "seeds" => ["seeds", "-n", "1..2", _host.WriteSample("seeded", "Hello"), "-x", "what it does not show", "-t", "1s"],
            _ => [command],
        };
        if (command is "sched-credit" or "sched-rtds")
            await PoolAsync(command["sched-".Length..]);
        if (command is "shutdown" or "reboot")
            await _host.XlOutputAsync("create", "-q", _host.WriteSample("of-" + command, more: "on_reboot=\"destroy\""));

        var done = await _host.XlAsync([.. words, "--json"]);
        var text = done.Output;
        // A machine that is busy with these tests is what the lab complains of.
        Assert.That((done.ExitCode, command == "lab" ? "" : done.Errors), Is.EqualTo((command is "validate" or "seeds" ? 1 : 0, "")), text);
        if (command is "events" or "trace show")
        {
            var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(JToken.Parse).ToArray();
            // Of empty arrays nothing can be told: the fullest line is looked at.
            text = lines.MaxBy(line => line.ToString().Length)!.ToString();
            Assert.That(Shape(JToken.Parse(text)), command == "events" ? Does.StartWith(shape[..^1]) : Is.EqualTo(shape));
            return;
        }
        Assert.That(Shape(JToken.Parse(text)), Is.EqualTo(shape));
    }

    /// <summary>A pool of the scheduler with a domain in it: the machine has a processor for it, since Pool-0 gives one up.</summary>
    private async Task PoolAsync(string scheduler)
    {
        await _host.XlOutputAsync("cpupool-cpu-remove", "Pool-0", "1");
        await _host.XlOutputAsync("cpupool-create", $"name=\"{scheduler}\"", $"sched=\"{scheduler}\"", "cpus=\"1\"");
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("of-" + scheduler, more: $"pool=\"{scheduler}\""));
        _undo.Add(async () =>
        {
            await _host.XlOutputAsync("destroy", "of-" + scheduler);
            await _host.XlOutputAsync("cpupool-destroy", scheduler);
            await _host.XlOutputAsync("cpupool-cpu-add", "Pool-0", "1");
        });
    }

    private readonly List<Func<Task>> _undo = [];

    [TearDown]
    public async Task UndoAsync()
    {
        foreach (var undo in _undo)
            await undo();
        _undo.Clear();
    }

    [Test]
    public async Task One_domain_alone_and_one_field_alone()
    {
        var list = JArray.Parse(await _host.XlOutputAsync("list", "guest", "--json"));
        Assert.That(((int)list[0]["domid"]!, list.Count), Is.EqualTo((1, 1)));
        Assert.That((int)JObject.Parse(await _host.XlOutputAsync("info", "--json", "nr_cpus"))["nr_cpus"]!, Is.EqualTo(2));
        Assert.That((await _host.XlAsync("info", "--json", "nothing")).ExitCode, Is.EqualTo(1));
        Assert.That((await _host.XlAsync("list", "--json", "nobody")).ExitCode, Is.EqualTo(1));
        // What Xen's own prints as JSON stays as it is.
        Assert.That(JArray.Parse(await _host.XlOutputAsync("list", "-l", "--json"))[0]["config"], Is.Not.Null);
    }

    /// <summary>Objects with their keys in order; of arrays the first item; objects whose keys are data by one of them.</summary>
    private static string Shape(JToken token) => token switch
    {
        JArray { Count: 0 } => "[]",
        JArray array => $"[{Shape(array.MaxBy(item => Shape(item).Length)!)}]",
        JObject counts when counts.Parent is JProperty { Name: "hypercalls" or "quotas" } => "{NAME: number}",
        JObject counts when counts.Parent is JProperty { Name: "exceptions" } => "{VECTOR: number}",
        JObject named when named.Parent is JProperty { Name: "labels" or "facts" or "values" }
            => $"{{NAME: {string.Join(" or ", named.Properties().Select(property => Shape(property.Value)).Distinct())}}}",
        JObject one => $"{{{string.Join(", ", one.Properties().Select(property => $"{property.Name}: {Shape(property.Value)}"))}}}",
        _ => token.Type switch
        {
            JTokenType.Integer or JTokenType.Float => "number",
            JTokenType.String or JTokenType.Date => "string",
            JTokenType.Boolean => "boolean",
            var other => other.ToString(),
        },
    };
}
