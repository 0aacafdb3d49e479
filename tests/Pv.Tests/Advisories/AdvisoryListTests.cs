using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Pv.Tests.Advisories;

/// <summary>The list in <c>docs/hostile-guests.md</c> and the tests say the same: each class has tests of its name, for the advisories that stand there.</summary>
[TestFixture]
internal sealed partial class AdvisoryListTests
{
    [Test]
    public void Every_class_has_tests_and_all_tests_are_of_a_class()
    {
        var listed = Rows().Select(row => row.Class).ToArray();
        var tested = typeof(AdvisoryListTests).Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(AdvisoryListTests).Namespace && type.IsDefined(typeof(TestFixtureAttribute), false) && type != typeof(AdvisoryListTests))
            .Select(type => type.Name);
        Assert.That(listed, Is.Unique.And.EquivalentTo(tested));
        Assert.That(listed, Has.Length.GreaterThan(40));
    }

    [Test]
    public void The_advisories_of_each_are_those_that_its_tests_name()
    {
        foreach (var (name, advisories) in Rows())
        {
            var source = File.ReadAllText(Path.Combine(Repository.Root, "tests", "Pv.Tests", "Advisories", $"{name}.cs"));
            var named = Advisory().Matches(source).Select(match => match.Groups[1].Value);
            Assert.That(advisories, Is.Not.Empty.And.EqualTo(named), name);
        }
    }

    private static IEnumerable<(string Class, string[] Advisories)> Rows()
        => File.ReadLines(Path.Combine(Repository.Root, "docs", "hostile-guests.md")).Select(line => Row().Match(line)).Where(match => match.Success)
            .Select(match => (match.Groups[1].Value, match.Groups[2].Value.Split(", ")));

    [GeneratedRegex(@"^\| `(\w+)` \| ([0-9, ]+) \|")]
    private static partial Regex Row();

    [GeneratedRegex(@"XSA-(\d+)")]
    private static partial Regex Advisory();
}
