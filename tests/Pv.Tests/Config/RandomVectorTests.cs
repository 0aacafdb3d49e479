using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.Config;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Json;

namespace Pv.Tests.Config;

/// <summary>Random mixtures of what a configuration knows, and of what it does not, against the real xl on a host of two CPUs: exit codes and JSON.</summary>
public class RandomVectorTests
{
    private static readonly HostTopology _host = new(2);

    private static IEnumerable<TestCaseData> Cases => Vectors.Read("random").Select(static (vector, number) => new TestCaseData(vector).SetArgDisplayNames($"{number} {vector["kind"]}"));

    [TestCaseSource(nameof(Cases))]
    public void Same_verdict(JToken vector)
    {
        (int exitCode, JToken? shown) = Judge((string)vector["kind"]!, vector["spec"]!);
        Assert.That(exitCode, Is.EqualTo((int)vector["rc"]!));
        JToken? wanted = vector["map"] ?? vector["json"];
        if (shown is JObject device && wanted is JObject)
            Vectors.AssertSame(device, wanted);
        else
            Assert.That(shown?.ToString() ?? "", Is.EqualTo(wanted?.ToString() ?? ""));
    }

    private static (int ExitCode, JToken? Shown) Judge(string kind, JToken spec)
    {
        var diagnostics = new ConfigDiagnostics();
        switch (kind)
        {
            case "disk":
                DiskSpecification? disk = DiskSpecificationParser.Parse([(string)spec!], "command line", diagnostics);
                return disk is null ? (1, null) : (0, DeviceJson.Convert(disk));
            case "nic":
                NicSpecification? nic = NicSpecificationParser.ParseWords([(string)spec!], diagnostics);
                return nic is null ? (1, null) : (0, DeviceJson.Convert(nic));
            case "cpus":
                CpuMap? map = CpuMap.Parse((string)spec!, _host, diagnostics);
                return map is null ? (1, null) : (0, map.ToString());
            case "vif":
                ParseOutcome interfaces = DomainConfigurationParser.Parse("f", $"name='n'\nkernel='/k'\nvif=[\"{spec}\"]\n", null, _host);
                return (interfaces.ExitCode, interfaces.Configuration is { } domain ? new JArray(domain.Nics.Select(DeviceJson.Convert)) : null);
            case "file":
                return Judge(DomainConfigurationParser.Parse("f", (string)spec!, null, _host));
            case "words":
                return Vectors.SortCreate(["f", .. spec.Select(static word => (string)word!)]) is { } words
                    ? Judge(DomainConfigurationParser.Parse("f", "name=\"g\"\nkernel=\"/k\"\nmemory=32\n", words.Lines, _host))
                    : (2, null);
            default:
                throw new ArgumentException($"There are no vectors of kind {kind}.", nameof(kind));
        }
    }

    private static (int ExitCode, JToken? Shown) Judge(ParseOutcome outcome)
        => (outcome.ExitCode, outcome.Configuration is null ? null : DomainConfigurationJson.Convert(outcome.Configuration));
}
