using System.Xml.Linq;
using NUnit.Framework;

namespace Pv.Tests.ArchitectureRules;

/// <summary>Who may reference whom. A project not listed here has no place in the house.</summary>
[TestFixture]
public sealed class ProjectReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["hypervisor/Pv.Abi"] = [],
        ["hypervisor/Pv.Machine"] = ["Pv.Abi"],
        ["hypervisor/Pv.Cpu"] = ["Pv.Abi", "Pv.Machine"],
        ["hypervisor/Pv.Hypervisor"] = ["Pv.Abi", "Pv.Machine", "Pv.Cpu"],
        ["frontends/Pv.Guest"] = ["Pv.Abi", "Pv.Machine"],
        ["frontends/Pv.Frontends"] = ["Pv.Guest"],
        ["frontends/Pv.LabGuests"] = ["Pv.Guest"],
        ["frontends/Pv.SampleGuests"] = ["Pv.Guest", "Pv.Frontends"],
        ["backends/Pv.Backends"] = ["Pv.Guest"],
        ["dom0/Pv.XenStore"] = ["Pv.Guest"],
        ["dom0/Pv.Dom0"] =
        [
            "Pv.Abi", "Pv.Machine", "Pv.Cpu", "Pv.Hypervisor", "Pv.Guest", "Pv.Backends", "Pv.XenStore", "Pv.Config", "Pv.Toolstack",
        ],
        ["toolstack/Pv.Config"] = ["Pv.Abi"],
        ["toolstack/Pv.Toolstack"] = ["Pv.Abi", "Pv.Machine", "Pv.Guest", "Pv.Config"],
        ["toolstack/Pv.Xl"] = ["Pv.Config"],
    };

    private static readonly IReadOnlyList<SourceFile> Projects = SourceFile.All(".csproj");

    private static IEnumerable<SourceFile> ProductProjects => Projects.Where(p => !p.IsBelow("tests"));

    [TestCaseSource(nameof(ProductProjects))]
    public void A_project_references_only_those_below_it(SourceFile project)
    {
        Assert.That(Allowed, Does.ContainKey(FolderOf(project)));
        Assert.That(ReferencesOf(project), Is.SubsetOf(Allowed[FolderOf(project)]));
    }

    [Test]
    public void Every_project_of_the_house_is_there() =>
        Assert.That(ProductProjects.Select(FolderOf), Is.EquivalentTo(Allowed.Keys));

    [TestCaseSource(nameof(Projects))]
    public void The_solution_has_every_project(SourceFile project) =>
        Assert.That(File.ReadAllText(Path.Combine(Repository.Root, "Pv.sln")).Replace('\\', '/'), Does.Contain($"\"{project.Path}\""));

    [TestCaseSource(nameof(ProductProjects))]
    public void Only_the_homes_of_unsafe_code_compile_it(SourceFile project)
    {
        var allows = XDocument.Parse(project.Text).Descendants("AllowUnsafeBlocks").Any(e => bool.Parse(e.Value));

        if (allows)
            Assert.That(UnsafeCodeTests.Homes, Does.Contain(FolderOf(project)));
        else
            Assert.That(UnsafeCodeTests.Homes, Does.Not.Contain(FolderOf(project)), "a home without the setting is no home");
    }

    [Test]
    public void Packages_are_versioned_in_one_place()
    {
        var versioned =
            from project in Projects
            from reference in XDocument.Parse(project.Text).Descendants("PackageReference")
            where reference.Attribute("Version") is not null
            select $"{project}: {reference.Attribute("Include")?.Value}";

        Assert.That(versioned, Is.Empty);
    }

    private static string FolderOf(SourceFile project) => project.Path[..project.Path.LastIndexOf('/')];

    // A reference that only orders the build gives the compiler nothing, so it is no arrow.
    private static IEnumerable<string> ReferencesOf(SourceFile project) =>
        from reference in XDocument.Parse(project.Text).Descendants("ProjectReference")
        let outputs = reference.Attribute("ReferenceOutputAssembly")?.Value ?? reference.Element("ReferenceOutputAssembly")?.Value
        where !string.Equals(outputs, "false", StringComparison.OrdinalIgnoreCase)
        select Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'));
}
