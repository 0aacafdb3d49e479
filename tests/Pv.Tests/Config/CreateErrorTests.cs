using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.Config.Domain;

namespace Pv.Tests.Config;

/// <summary>
/// Wrong configurations against a real xl on a real Xen. Where the refusal is the hypervisor's or libxl's, the parser
/// must have accepted the file, with the warnings that came first.
/// </summary>
public class CreateErrorTests
{
    private static IEnumerable<TestCaseData> Files => Vectors.Cases("errors-create", "cfg");

    [TestCaseSource(nameof(Files))]
    public void Parses_as_far_as_the_real_tool(JToken vector)
    {
        string[] printed = [.. vector["stderr"]!.Select(static line => (string)line!)];
        string[] parser = [.. printed[1..].TakeWhile(static line => !IsFromBelow(line))];
        ParseOutcome outcome = DomainConfigurationParser.Parse("/tmp/t.cfg", (string)vector["cfg"]!);

        Assert.That(printed[0], Is.EqualTo("Parsing config from /tmp/t.cfg"));
        Assert.That(outcome.Messages, Is.EqualTo(parser));
        Assert.That(outcome.ExitCode, Is.EqualTo(printed.Any(IsFromBelow) ? 0 : (int)vector["rc"]!));
    }

    private static bool IsFromBelow(string line) =>
        line.StartsWith("libxl: ", StringComparison.Ordinal) || line.StartsWith("xc: ", StringComparison.Ordinal)
        || line.StartsWith("xl: fatal error", StringComparison.Ordinal);
}
