using NUnit.Framework;
using Pv.Machine;

namespace Pv.Tests.Machine;

/// <summary>What a path is said to lead to.</summary>
[TestFixture]
public sealed class HostFileTests
{
    [Test]
    public void A_path_is_known_by_what_it_leads_to()
    {
        var folder = Directory.CreateTempSubdirectory("pv-files-");
        try
        {
            var (file, link, other) = (Path.Combine(folder.FullName, "file"), Path.Combine(folder.FullName, "link"), Path.Combine(folder.FullName, "other"));
            File.WriteAllText(file, "");
            File.WriteAllText(other, "");
            File.CreateSymbolicLink(link, file);
            Assert.That((HostFile.Identify(file).Kind, HostFile.Identify(folder.FullName).Kind, HostFile.Identify(file + "s").Kind),
                Is.EqualTo((HostFileKind.File, HostFileKind.Directory, HostFileKind.None)));
            Assert.That(HostFile.Identify(link), Is.EqualTo(HostFile.Identify(file)));
            Assert.That(HostFile.Identify(other), Is.Not.EqualTo(HostFile.Identify(file)));
            if (OperatingSystem.IsLinux())
                Assert.That(HostFile.Identify("/dev/null").Kind, Is.EqualTo(HostFileKind.Other));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
