using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Pv.Tests.ArchitectureRules;

/// <summary>Code that the compiler cannot vouch for lives in few named places, and says why it is right.</summary>
[TestFixture]
public sealed partial class UnsafeCodeTests
{
    /// <summary>The projects that may hold such code. Everything else sees memory as <c>ref</c> and spans that these hand out.</summary>
    public static readonly string[] Homes = ["hypervisor/Pv.Machine", "hypervisor/Pv.Cpu"];

    private static readonly IReadOnlyList<SourceFile> Product = [.. SourceFile.All(".cs").Where(f => !f.IsBelow("tests"))];

    [Test]
    public void Unsafe_code_stays_at_home()
    {
        var strays =
            from file in Product
            where !Homes.Any(file.IsBelow)
            from Match match in Unsafe().Matches(file.Code)
            select $"{file}: {match.Value}";

        Assert.That(strays, Is.Empty);
    }

    [Test]
    public void The_scan_sees_unsafe_code() =>
        Assert.That(Product.Where(f => UnsafeKeyword().IsMatch(f.Code)).Select(f => f.Path), Does.Contain("hypervisor/Pv.Machine/HostRange.cs"));

    [Test]
    public void Unsafe_code_says_why_it_is_right()
    {
        var silent = Product.Where(f => Homes.Any(f.IsBelow) && UnsafeKeyword().IsMatch(f.Code) && !f.Text.Contains("// SAFETY:", StringComparison.Ordinal));

        Assert.That(silent, Is.Empty);
    }

    [GeneratedRegex(@"\bunsafe\b|\bUnsafe\.\w+|(?<!\w)Marshal\.\w+|\w\s*\*\s*\w+\s*=\s*stackalloc\b|\bNativeMemory\.\w+")]
    private static partial Regex Unsafe();

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeKeyword();
}
