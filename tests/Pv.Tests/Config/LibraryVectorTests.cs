using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.Config;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Json;

namespace Pv.Tests.Config;

/// <summary>What xl's own libraries (libxlutil and libxenlight 4.17) answered when asked without xl around them.</summary>
public class LibraryVectorTests
{
    private static IEnumerable<TestCaseData> Grammar => Vectors.Cases("grammar-edges", "spec");

    private static IEnumerable<TestCaseData> Pci => Vectors.Cases("pci", "spec");

    private static IEnumerable<TestCaseData> CpuidFlags => Vectors.Cases("cpuid-flags", "spec");

    private static IEnumerable<TestCaseData> CpuidLeaves => Vectors.Cases("cpuid-leaves", "spec");

    private static IEnumerable<TestCaseData> Rates => Vectors.Cases("vif-rate", "spec");

    [TestCaseSource(nameof(Grammar))]
    public void Grammar_at_its_edges(JToken vector)
    {
        var diagnostics = new ConfigDiagnostics();
        bool accepted = DomainConfigurationParser.ParseSettings("f.cfg", (string)vector["spec"]!, null, diagnostics) is not null;
        string[] expected = Vectors.Lines(vector["stderr"]!);
        Assert.That(diagnostics.Lines, Is.EqualTo(accepted ? expected : [.. expected, "Failed to parse config: Invalid argument"]));
        Assert.That(accepted ? 0 : 1, Is.EqualTo((int)vector["rc"]!));
    }

    [TestCaseSource(nameof(Pci))]
    public void Pci_device(JToken vector)
    {
        string spec = (string)vector["spec"]!;
        ParseOutcome outcome = DomainConfigurationParser.Parse("f", $"name='n'\ntype='hvm'\npci=['{spec}']\n");
        if ((int)vector["rc"]! != 0)
        {
            Assert.That(outcome.ExitCode, Is.EqualTo(6));
            Assert.That(outcome.Messages, Is.EqualTo(new[] { $"{vector["stderr"]}unable to parse PCI_SPEC_STRING `{spec}' for passthrough" }));
            return;
        }

        JToken device = DomainConfigurationJson.Convert(outcome.Configuration!)["pcidevs"]!.Single();
        Assert.That(device.ToString(), Is.EqualTo(vector["json"]!.ToString()));
    }

    [TestCaseSource(nameof(CpuidFlags))]
    public void Cpuid_flag(JToken vector) => AssertCpuid(vector, $"cpuid='host,{vector["spec"]}'\n");

    [TestCaseSource(nameof(CpuidLeaves))]
    public void Cpuid_leaf(JToken vector) => AssertCpuid(vector, $"cpuid=['{vector["spec"]}']\n");

    [TestCaseSource(nameof(Rates))]
    public void Rate(JToken vector)
    {
        var diagnostics = new ConfigDiagnostics();
        bool accepted = NicRate.TryParse((string)vector["spec"]!, "f.cfg", diagnostics, out ulong bytes, out uint microseconds);
        Assert.That(diagnostics.Lines, Is.EqualTo(Vectors.Lines(vector["stderr"]!)));
        Assert.That(accepted, Is.EqualTo((int)vector["rc"]! == 0));
        if (!accepted)
            return;
        Assert.That(bytes, Is.EqualTo((ulong?)vector["json"]!["rate_bytes_per_interval"] ?? 0));
        Assert.That(microseconds, Is.EqualTo((uint?)vector["json"]!["rate_interval_usecs"] ?? 0));
    }

    /// <summary>A flaw is reported with its number and does not stop the domain.</summary>
    private static void AssertCpuid(JToken vector, string statement)
    {
        ParseOutcome outcome = DomainConfigurationParser.Parse("f", $"name='n'\nkernel='/k'\n{statement}");
        int error = (int)vector["rc"]!;
        Assert.That(outcome.Messages, error == 0 ? Is.Empty : Has.Count.EqualTo(2).And.ItemAt(1).StartsWith($"  error #{error}: "));
        JToken? shown = DomainConfigurationJson.Convert(outcome.Configuration!)["b_info"]!["cpuid"];
        Assert.That(shown?.ToString() ?? "", Is.EqualTo(vector["json"]!.ToString()));
    }
}
