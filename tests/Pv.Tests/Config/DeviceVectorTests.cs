using NUnit.Framework;
using Newtonsoft.Json.Linq;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Config;

namespace Pv.Tests.Config;

/// <summary>Specifications of disks, network interfaces and CPU lists against the real xl.</summary>
public class DeviceVectorTests
{
    private static IEnumerable<TestCaseData> Disks => Vectors.Cases("block-attach", "spec");

    private static IEnumerable<TestCaseData> NicWords => Vectors.Cases("network-attach", "spec");

    private static IEnumerable<TestCaseData> NicEntries => Vectors.Cases("vif-in-cfg", "vif");

    private static IEnumerable<TestCaseData> CpuLists => Vectors.Cases("vcpu-pin", "spec");

    [TestCaseSource(nameof(Disks))]
    public void BlockAttach(JToken vector)
    {
        var diagnostics = new ConfigDiagnostics();
        DiskSpecification? disk = DiskSpecificationParser.Parse([(string)vector["spec"]!], "command line", diagnostics);
        AssertOutcome(vector, disk is null ? null : DeviceJson.Convert(disk), diagnostics);
    }

    [TestCaseSource(nameof(Disks))]
    public void DiskInFile(JToken vector)
    {
        string spec = (string)vector["spec"]!;
        if (spec.Contains('\t'))
            spec = spec.Replace("\t", "\\t", StringComparison.Ordinal);
        ParseOutcome outcome = DomainConfigurationParser.Parse("d.cfg", $"name='d'\nkernel='/k'\ndisk=[\"{spec}\"]\n");
        Assert.That(outcome.ExitCode, Is.EqualTo((int)vector["rc"]!));
        if (outcome.Configuration is { } domain)
            Vectors.AssertSame(DeviceJson.Convert(domain.Disks.Single()), vector["json"]!);
    }

    [TestCaseSource(nameof(NicWords))]
    public void NetworkAttach(JToken vector)
    {
        var diagnostics = new ConfigDiagnostics();
        NicSpecification? nic = NicSpecificationParser.ParseWords([(string)vector["spec"]!], diagnostics);
        AssertOutcome(vector, nic is null ? null : DeviceJson.Convert(nic), diagnostics);
    }

    [TestCaseSource(nameof(NicEntries))]
    public void VifInFile(JToken vector)
    {
        ParseOutcome outcome = DomainConfigurationParser.Parse("CFG", $"name='n'\nkernel='/k'\nvif=[\"{(string)vector["vif"]!}\"]\n");
        Assert.That(outcome.ExitCode, Is.EqualTo((int)vector["rc"]!));
        Assert.That(outcome.Messages, Is.EqualTo(Vectors.Lines(vector["stderr"]!)));
        if (outcome.Configuration is { } domain)
            Assert.That(new JArray(domain.Nics.Select(DeviceJson.Convert)).ToString(), Is.EqualTo(vector["nics"]!.ToString()));
    }

    [TestCaseSource(nameof(CpuLists))]
    public void VcpuPin(JToken vector)
    {
        var diagnostics = new ConfigDiagnostics();
        CpuMap? map = CpuMap.Parse((string)vector["spec"]!, HostTopology.Assumed, diagnostics);
        Assert.That(map is null ? 1 : 0, Is.EqualTo((int)vector["rc"]!));
        Assert.That(diagnostics.Lines, Is.EqualTo(Vectors.Lines(vector["stderr"]!)));
        Assert.That(map is null ? "" : $"cpumap: {map}", Is.EqualTo((string)vector["stdout"]!));
    }

    private static void AssertOutcome(JToken vector, JObject? device, ConfigDiagnostics diagnostics)
    {
        Assert.That(diagnostics.Lines, Is.EqualTo(Vectors.Lines(vector["stderr"]!)));
        Assert.That(device is null ? 1 : 0, Is.EqualTo((int)vector["rc"]!));
        if (device is not null)
            Vectors.AssertSame(device, vector["json"]!);
    }
}
