using NUnit.Framework;
using Pv.Config;

namespace Pv.Tests.Config;

/// <summary>Files that are read whole, whatever they are.</summary>
[TestFixture]
public sealed class BoundedFileTests
{
    private string _path = null!;

    [SetUp]
    public void Make() => _path = Path.GetTempFileName();

    [TearDown]
    public void Remove() => File.Delete(_path);

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(100_000)]
    public async Task All_of_a_file_that_is_not_too_large_is_read(int length)
    {
        var content = new byte[length];
        new Random(3).NextBytes(content);
        await File.WriteAllBytesAsync(_path, content);
        Assert.That(BoundedFile.Read(_path, length), Is.EqualTo(content));
        Assert.That(await BoundedFile.ReadAsync(_path, length, CancellationToken.None), Is.EqualTo(content));
        if (length > 0)
            Assert.That(() => BoundedFile.Read(_path, length - 1), Throws.TypeOf<IOException>().With.Message.EqualTo("File too large"));
    }

    [Test, Platform("Linux")]
    public void Of_one_without_an_end_no_more_is_read_than_is_asked_for([Values(1, 100_000, 1 << 20)] int most)
    {
        Assert.That(() => BoundedFile.Read("/dev/zero", most), Throws.TypeOf<IOException>().With.Message.EqualTo("File too large"));
        Assert.That(() => BoundedFile.ReadAsync("/dev/zero", most, CancellationToken.None), Throws.TypeOf<IOException>().With.Message.EqualTo("File too large"));
    }

    [Test, Platform("Linux")]
    public void One_without_a_length_is_read() => Assert.That(BoundedFile.ReadConfiguration("/proc/self/comm"), Is.Not.Empty);

    [Test]
    public void A_folder_is_none()
        => Assert.That(() => BoundedFile.Read(Path.GetTempPath(), 10), Throws.TypeOf<IOException>().With.Message.EqualTo("Is a directory"));
}
