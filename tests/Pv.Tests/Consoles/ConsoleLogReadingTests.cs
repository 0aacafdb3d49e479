using NUnit.Framework;
using Pv.Dom0.Consoles;

namespace Pv.Tests.Consoles;

/// <summary>A console's log on disk, read while it is written, across its turns.</summary>
[TestFixture]
public sealed class ConsoleLogReadingTests
{
    private string _folder = null!;

    [SetUp]
    public void Make() => _folder = Directory.CreateTempSubdirectory("pv-log-").FullName;

    [TearDown]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Who_keeps_up_reads_every_byte_and_who_does_not_hears_how_many_are_gone()
    {
        using var log = new ConsoleLog(Path.Combine(_folder, "log"), limit: 20, message => Assert.Fail(message));
        var random = new Random(3);
        var (written, read, late) = (new List<byte>(), new List<byte>(), 0L);
        long position = log.Start;
        var into = new byte[7];
        for (var round = 0; round < 200; round++)
        {
            var piece = new byte[random.Next(1, 9)];
            random.NextBytes(piece);
            log.Append(piece);
            written.AddRange(piece);
            while (log.Read(ref position, into, out var lost) is > 0 and var count)
            {
                Assert.That(lost, Is.Zero);
                read.AddRange(into.AsSpan(0, count));
            }
            if (round != 100)
                continue;
            // One who comes now gets what is kept: at least half of the limit, at most all of it.
            var (tail, at) = (new List<byte>(), 0L);
            while (log.Read(ref at, into, out var lost) is > 0 and var count)
            {
                late += lost;
                tail.AddRange(into.AsSpan(0, count));
            }
            Assert.That(tail, Has.Count.InRange(10, 20));
            Assert.That(tail, Is.EqualTo(written.TakeLast(tail.Count)));
            Assert.That(late, Is.EqualTo(written.Count - tail.Count));
        }
        Assert.That(read, Is.EqualTo(written));
    }

    [Test]
    public void One_that_exists_is_continued()
    {
        var path = Path.Combine(_folder, "log");
        File.WriteAllText(path, "before ");
        using var log = new ConsoleLog(path, limit: 1000, message => Assert.Fail(message));
        log.Append("after"u8);
        var (position, into) = (log.Start, new byte[100]);
        Assert.That(into[..log.Read(ref position, into, out _)], Is.EqualTo("before after"u8.ToArray()));
        File.Delete(path);
        position = 0;
        Assert.That(log.Read(ref position, into, out _), Is.Zero, "somebody removed it");
    }
}
