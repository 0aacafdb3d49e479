using NUnit.Framework;
using Newtonsoft.Json.Linq;
using Newtonsoft.Json;
using Pv.Toolstack.CommandLine;

namespace Pv.Tests.Config;

/// <summary>What the real xl 4.17 said of each input, in dry runs on a host of 16 CPUs and two nodes: <c>tests/Data/xl</c>.</summary>
internal static class Vectors
{
    internal static JToken Read(string name)
    {
        using var text = new JsonTextReader(File.OpenText(Repository.Data("xl", $"{name}.json")))
        {
            DateParseHandling = DateParseHandling.None,
            FloatParseHandling = FloatParseHandling.Double,
        };
        return JToken.ReadFrom(text);
    }

    internal static IEnumerable<TestCaseData> Cases(string name, string label)
    {
        int number = 0;
        foreach (JToken vector in Read(name))
            yield return new TestCaseData(vector).SetArgDisplayNames($"{number++}: {Printable((string)vector[label]!)}");
    }

    /// <summary>Both as text, so that the order of members counts, without the UUID where the vector has none.</summary>
    internal static void AssertSame(JObject actual, JToken expected)
    {
        var copy = (JObject)actual.DeepClone();
        if (expected["c_info"]?["uuid"] is null)
            (copy["c_info"] as JObject)?.Remove("uuid");
        Assert.That(copy.ToString(), Is.EqualTo(expected.ToString()));
    }

    /// <summary>Lines of a message, the last newline taken off.</summary>
    internal static string[] Lines(JToken text) => ((string)text!).TrimEnd('\n') is { Length: > 0 } lines ? lines.Split('\n') : [];

    /// <summary>The words of a create as the command sorts them; null where that is wrong use.</summary>
    internal static CreateWords? SortCreate(params string[] words)
        => CommandWords.Sort(CommandRows.Find("create")!, words, out _) is { } sorted ? CreateWords.Sort(sorted) : null;

    private static string Printable(string text) =>
        string.Concat(text.Select(static c => char.IsControl(c) || c is '"' or '(' or ')' ? '.' : c));
}
