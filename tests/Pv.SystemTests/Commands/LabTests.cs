using System.Xml.Linq;
using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Commands;

/// <summary><c>xl lab</c> as a process: what it prints and writes, its exit codes, and that no <c>pvd</c> is left behind.</summary>
[TestFixture]
public sealed class LabTests
{
    [Test]
    public async Task Batching_is_measured_drawn_kept_and_compared()
    {
        await using var host = PvHost.Prepare();
        var (json, svg) = (Path.Combine(host.Folder, "lab.json"), Path.Combine(host.Folder, "lab.svg"));
        string[] words = ["lab", "batching", "--quick", "-r", "3", "-e", "interpreted", "-e", "managed", "-c", "null"];

        var (shown, result, cost) = ("", new JObject(), 0.0);
        // On a busy host a difference of two times may come out below nothing: then in another moment.
        for (var tries = 0; cost <= 0 && tries < 5; tries++)
        {
            shown = await host.XlOutputAsync([.. words, "--svg", svg, "-o", json]);
            result = JObject.Parse(await File.ReadAllTextAsync(json));
            cost = (double)Exits(result)["interpreted"]["exit_ns"]!;
        }

        Assert.That(shown, Does.Contain("null on interpreted: ").And.Contain("null on managed: ").And.Contain("○").And.Contain("seed"));
        Assert.That(XDocument.Load(svg).Root!.Name.LocalName, Is.EqualTo("svg"));
        Assert.That(result["facts"]!.Select(fact => ((JProperty)fact).Name), Is.SupersetOf((string[])["machine", "load", "system", "dotnet", "pv", "engines", "seed", "rounds"]));
        var entered = result["rows"]!.Single(row => (string)row["labels"]!["engine"]! == "interpreted" && (string)row["labels"]!["call"]! == "null"
            && (string)row["labels"]!["way"]! == "multicall" && (string)row["labels"]!["batch"]! == "32");
        Assert.That((double)entered["values"]!["traps"]! * 32, Is.EqualTo(1).Within(0.01), "a multicall of 32 enters once");
        Assert.That(Exits(result).Keys, Is.EquivalentTo((string[])["interpreted", "managed"]));
        Assert.That(cost, Is.GreaterThan(0));
        Assert.That(shown, Does.Contain("An exit on interpreted costs "));

        // The same again is compared, whatever the machine's mood makes of it.
        var again = await host.XlAsync([.. words, "--csv", "--compare", json]);
        Assert.That(again.ExitCode, Is.EqualTo(0).Or.EqualTo(5), again.Errors);
        Assert.That(again.Output, Does.StartWith("engine,call,way,batch,time_ns,median_ns,"));
        Assert.That(Path.Exists(Path.Combine(host.Folder, "pvd.pid")), Is.False);
    }

    private static Dictionary<string, JToken> Exits(JObject result)
        => result["rows"]!.Where(row => (string)row["labels"]!["call"]! == "exit-cost").ToDictionary(row => (string)row["labels"]!["engine"]!, row => row["values"]!);

    [Test]
    public async Task A_guests_own_trace_is_replayed()
    {
        await using var host = await PvHost.StartAsync();
        var trace = Path.Combine(host.Folder, "trace.jsonl");
        await host.XlOutputAsync("create", host.WriteSample("traced"), "-p");
        await host.XlOutputAsync("trace", "traced", "on");
        await host.XlOutputAsync("unpause", "traced");
        await PvHost.UntilAsync(async () => (await host.XlOutputAsync("trace", "traced", "counts")).Contains("event_channel_op", StringComparison.Ordinal));
        await host.XlOutputAsync("trace", "traced", "show", "--json", "-o", trace);

        var shown = await host.XlOutputAsync("lab", "replay", trace);

        Assert.That(shown, Does.Contain(" entries would do: ").And.Contain("Under linux rules").And.Contain("event_channel_op"));
        var table = JObject.Parse(await host.XlOutputAsync("lab", "replay", trace, "--json"));
        var entries = table["rows"]!.Where(row => (string)row["labels"]!["kind"]! == "all").Select(row => (int)row["values"]!["entries"]!).ToArray();
        Assert.That(entries, Is.Ordered.Descending, "traced, linux, perfect: a C# guest's calls are none that Linux puts off");
        Assert.That(entries[2], Is.LessThan(entries[0]));
    }

    [Test]
    public async Task Wrong_use_is_one_sentence()
    {
        await using var host = PvHost.Prepare();
        var other = host.WriteConfiguration("other", "{}");

        foreach (var (words, sentence) in ((string[], string)[])
            [
                (["steam"], "There is no experiment 'steam' here: batching, latency, replay."), (["replay"], "replay takes one file: "), (["replay", other], "has no hypercalls"),
                (["batching", "-e", "steam"], "There is no engine 'steam' here: "), (["batching", "-c", "steam"], "There is no call 'steam' here: "), (["batching", "-s", "x"], "--seed takes a number"),
                (["batching", "--compare", other], "it is no result of xl lab (its format is not 1)"), (["batching", "more"], "batching takes no file: what is 'more'?"),
                (["latency", "-c", "null"], "--call is for batching, not for latency."), (["replay", other, "-p", "2"], "--processes is for batching and latency, not for replay."),
                (["batching", "--costs"], "--costs is for replay, not for batching."), (["batching", "--json", "--csv"], "give one of them."),
            ])
        {
            var done = await host.XlAsync(["lab", .. words]);
            Assert.That((done.ExitCode, done.Output, done.Errors.Count(letter => letter == '\n')), Is.EqualTo((2, "", 1)), $"{string.Join(' ', words)}: {done.Errors}");
            Assert.That(done.Errors, Does.Contain(sentence));
        }
        // What cannot be read or written is said before anything is measured.
        foreach (var (words, sentence) in ((string[], string)[])
            [
                (["replay", "/nosuch"], "xl lab: /nosuch: No such file or directory\n"), (["replay", host.Folder], $"xl lab: {host.Folder}: Is a directory\n"),
                (["batching", "--compare", "/nosuch"], "xl lab: /nosuch: No such file or directory\n"), (["batching", "-o", "/nosuch/file"], "xl lab: /nosuch/file: No such file or directory\n"),
                (["latency", "--svg", host.Folder], $"xl lab: {host.Folder}: Is a directory\n"),
            ])
        {
            var done = await host.XlAsync(["lab", .. words]);
            Assert.That((done.ExitCode, done.Output, done.Errors), Is.EqualTo((1, "", sentence)));
        }
        Assert.That((await host.XlAsync("lab")).ExitCode, Is.EqualTo(2));
    }
}
