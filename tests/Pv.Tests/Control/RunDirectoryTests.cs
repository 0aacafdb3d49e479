using NUnit.Framework;
using Pv.Toolstack.Control;

namespace Pv.Tests.Control;

[TestFixture]
[Platform("Linux,MacOsX")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class RunDirectoryTests
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private string _place = "";

    [SetUp]
    public void MakePlace() => _place = Directory.CreateTempSubdirectory("pv-test-").FullName;

    [TearDown]
    public void RemovePlace() => Directory.Delete(_place, recursive: true);

    [Test]
    public void A_missing_one_is_made_for_its_user_alone()
    {
        var directory = RunDirectory.Open(Path.Combine(_place, "run"));

        Assert.That(File.GetUnixFileMode(directory.Path), Is.EqualTo(OwnerOnly));
        Assert.That(directory.ControlSocket, Is.EqualTo(Path.Combine(_place, "run", "control.socket")));
    }

    [TestCase(UnixFileMode.GroupRead)]
    [TestCase(UnixFileMode.OtherExecute)]
    [TestCase(UnixFileMode.OtherWrite | UnixFileMode.StickyBit)]
    public void One_that_others_may_enter_is_refused(UnixFileMode more)
    {
        var path = Path.Combine(_place, "run");
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, OwnerOnly | more);

        Assert.That(() => RunDirectory.Open(path), Throws.TypeOf<RunDirectoryException>().With.Message.Contain("0700").And.Message.Contain(path));
    }

    [Test]
    public void A_link_is_refused_whatever_it_points_at()
    {
        var link = Path.Combine(_place, "link");
        Directory.CreateSymbolicLink(link, RunDirectory.Open(Path.Combine(_place, "run")).Path);

        Assert.That(() => RunDirectory.Open(link), Throws.TypeOf<RunDirectoryException>());
    }

    [Test]
    public void A_file_in_its_place_is_refused()
    {
        var path = Path.Combine(_place, "file");
        File.WriteAllText(path, "");

        Assert.That(() => RunDirectory.Open(path), Throws.TypeOf<RunDirectoryException>());
    }

    [Test]
    public void A_path_too_long_for_a_socket_is_refused_by_name()
    {
        var path = Path.Combine(_place, new string('x', 100));

        Assert.That(() => RunDirectory.Open(path), Throws.TypeOf<RunDirectoryException>().With.Message.Contain("PV_RUN_DIR"));
    }
}
