using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.Config;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Json;

namespace Pv.Tests.Config;

/// <summary>Inputs beside those of the other vectors: every key with values that fit and that do not, disks and interfaces in many forms.</summary>
public class NeighbourVectorTests
{
    private static IEnumerable<TestCaseData> All
    {
        get
        {
            int number = 0;
            foreach (JToken vector in Vectors.Read("neighbours"))
                yield return new TestCaseData(vector).SetArgDisplayNames($"{(string)vector["kind"]!} {number++}");
        }
    }

    [TestCaseSource(nameof(All))]
    public void Judged_as_the_real_tool_does(JToken vector)
    {
        string[] words = [.. vector["words"]!.Select(static word => (string)word!)];
        var (code, shown, messages) = (string)vector["kind"]! switch
        {
            "create" => Create((string)vector["cfg"]!, words),
            "disk" => Device(DiskSpecificationParser.Parse, words, DeviceJson.Convert),
            _ => Device((all, _, diagnostics) => NicSpecificationParser.ParseWords(all, diagnostics), words, DeviceJson.Convert),
        };
        Assert.That(messages, Is.EqualTo(Vectors.Lines(vector["stderr"]!)));
        Assert.That(code, Is.EqualTo((int)vector["rc"]!));
        if (code == 0)
            Vectors.AssertSame(shown!, vector["json"]!);
    }

    private static (int, JObject?, IReadOnlyList<string>) Create(string text, string[] words)
    {
        if (Vectors.SortCreate(["f.cfg", .. words]) is not { } sorted)
            return (2, null, []);
        ParseOutcome outcome = DomainConfigurationParser.Parse("f.cfg", text, sorted.Lines);
        return (outcome.ExitCode, outcome.Configuration is { } domain ? DomainConfigurationJson.Convert(domain) : null, outcome.Messages);
    }

    private static (int, JObject?, IReadOnlyList<string>) Device<T>(
        Func<IReadOnlyList<string>, string, ConfigDiagnostics, T?> parse, string[] words, Func<T, JObject> convert) where T : class
    {
        var diagnostics = new ConfigDiagnostics();
        T? device = parse(words, "command line", diagnostics);
        return (device is null ? 1 : 0, device is null ? null : convert(device), diagnostics.Lines);
    }
}
