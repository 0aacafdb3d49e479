using System.Text.RegularExpressions;
using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.Config.Domain;
using Pv.Config.Json;

namespace Pv.Tests.Config;

/// <summary>Configurations that people use, with the real xl's verdicts. They are others' work and not in the repository: looked for in <c>shared/xl/corpus</c> beside it.</summary>
public sealed partial class CorpusTests
{
    private static string Folder => Path.Combine(Path.GetDirectoryName(Repository.Root)!, "shared", "xl", "corpus");

    [Test]
    public void Every_file_has_the_real_ones_exit_code_and_configuration()
    {
        if (!Directory.Exists(Folder))
            Assert.Ignore("The corpus is not here.");
        Assert.Multiple(() =>
        {
            foreach (var (file, code) in File.ReadLines(Path.Combine(Folder, "VERDICTS.tsv")).Skip(1).Select(line => line.Split('\t')).Select(row => (row[0], int.Parse(row[1]))))
            {
                var path = Path.Combine(Folder, file);
                var text = File.ReadAllText(path);
                ParseOutcome outcome = DomainConfigurationParser.Parse(file, text);
                Assert.That(outcome.ExitCode, Is.EqualTo(code), file);
                if (outcome.Configuration is not { } domain || !File.Exists(path + ".json"))
                    continue;
                var (actual, expected) = (DomainConfigurationJson.Convert(domain), JObject.Parse(File.ReadAllText(path + ".json")));
                if (!Uuid().IsMatch(text))
                {
                    foreach (var random in (JObject[])[actual, expected])
                        ((JObject)random["c_info"]!).Remove("uuid");
                }
                Assert.That(actual.ToString(), Is.EqualTo(expected.ToString()), file);
            }
        });
    }

    [GeneratedRegex(@"^\s*uuid\s*=", RegexOptions.Multiline)]
    private static partial Regex Uuid();
}
