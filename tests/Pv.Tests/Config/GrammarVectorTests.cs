using NUnit.Framework;
using Newtonsoft.Json.Linq;
using Pv.Config.Domain;
using Pv.Config.Json;

namespace Pv.Tests.Config;

/// <summary>Whole files and overriding words against the real xl: exit code, JSON and every message.</summary>
public class GrammarVectorTests
{
    /// <summary>
    /// Where we differ and why. A NUL inside a string trips an assertion of the real tool, which dies of SIGABRT;
    /// ours refuses the file.
    /// </summary>
    private static readonly string[] Different = ["nul_in_string"];

    private static IEnumerable<TestCaseData> Files => Vectors.Cases("grammar", "id");

    private static IEnumerable<TestCaseData> Words
    {
        get
        {
            JToken vectors = Vectors.Read("create-overrides");
            foreach (JToken vector in vectors["cases"]!)
                yield return new TestCaseData((string)vectors["base"]!, vector).SetArgDisplayNames(string.Concat(((string)vector["argv"]![1]!).Where(static c => c is not '"')));
        }
    }

    [TestCaseSource(nameof(Files))]
    public void File(JToken vector)
    {
        string id = (string)vector["id"]!;
        ParseOutcome outcome = DomainConfigurationParser.Parse($"{id}.cfg", (string)vector["cfg"]!);
        if (Different.Contains(id))
        {
            Assert.That(outcome.ExitCode, Is.EqualTo(1));
            Assert.That(outcome.Messages[^1], Is.EqualTo("Failed to parse config: Invalid argument"));
            return;
        }

        AssertOutcome(outcome, vector);
    }

    [TestCaseSource(nameof(Words))]
    public void Override(string text, JToken vector)
    {
        if (Vectors.SortCreate([.. vector["argv"]!.Select(static word => (string)word!)]) is not { } words)
        {
            Assert.That((int)vector["rc"]!, Is.EqualTo(2));
            return;
        }

        AssertOutcome(DomainConfigurationParser.Parse(words.File!, text, words.Lines), vector);
    }

    private static void AssertOutcome(ParseOutcome outcome, JToken vector)
    {
        Assert.That(outcome.Messages, Is.EqualTo(Vectors.Lines(vector["stderr"]!)[1..]));
        Assert.That(outcome.ExitCode, Is.EqualTo((int)vector["rc"]!));
        if (outcome.Configuration is null)
            Assert.That(vector["json"]!.Type, Is.EqualTo(JTokenType.Null));
        else
            Vectors.AssertSame(DomainConfigurationJson.Convert(outcome.Configuration), vector["json"]!);
    }
}
