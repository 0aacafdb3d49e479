using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Pv.Tests.ArchitectureRules;

/// <summary>Rules of style that a reader of the text can check.</summary>
[TestFixture]
public sealed partial class SourceTextTests
{
    private const int LongestFile = 600;

    private static readonly IReadOnlyList<SourceFile> Sources = SourceFile.All(".cs");

    [Test]
    public void The_scan_sees_the_sources() =>
        Assert.That(Sources.Select(s => s.Path), Does.Contain("hypervisor/Pv.Abi/Numbers.cs"));

    [Test]
    public void No_file_is_too_long() =>
        Assert.That(Sources.Where(s => s.Lines > LongestFile).Select(s => $"{s}: {s.Lines} lines"), Is.Empty);

    [Test]
    public void No_type_has_a_name_that_says_nothing()
    {
        var nameless =
            from file in Sources
            from Match match in EmptyName().Matches(file.Code)
            select $"{file}: {match.Value}";

        Assert.That(nameless, Is.Empty);
    }

    [Test]
    public void Nothing_is_async_void() =>
        Assert.That(Sources.Where(s => AsyncVoid().IsMatch(s.Code)), Is.Empty);

    [Test]
    public void A_namespace_is_file_scoped_and_starts_with_its_project()
    {
        var strays =
            from file in Sources
            from Match match in Namespace().Matches(file.Code)
            let project = file.Path.Split('/')[1]
            where match.Groups["end"].Value != ";" || !(match.Groups["name"].Value + ".").StartsWith(project + ".", StringComparison.Ordinal)
            select $"{file}: {match.Value.Trim()}";

        Assert.That(strays, Is.Empty);
    }

    // "Base" is a word of its own where it is a number (a segment's base), so only classes and interfaces may not end in it.
    [GeneratedRegex(@"\b(?:class|struct|record|interface|enum)\s+\w*(?:Manager|Helper|Helpers|Util|Utils|Impl)\b|\b(?:class|record|interface)\s+\w*Base\b")]
    private static partial Regex EmptyName();

    [GeneratedRegex(@"\basync\s+void\b")]
    private static partial Regex AsyncVoid();

    [GeneratedRegex(@"^namespace\s+(?<name>[\w.]+)\s*(?<end>[;{])", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
