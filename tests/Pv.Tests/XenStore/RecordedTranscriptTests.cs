using NUnit.Framework;

namespace Pv.Tests.XenStore;

/// <summary>Requests that were once sent to the C xenstored of Xen 4.17: ours answers, tells and stays silent as it did, to the byte.</summary>
[TestFixture]
public class RecordedTranscriptTests
{
    /// <summary>The transcripts of the repository, and those of a folder that PV_TRANSCRIPTS names.</summary>
    public static IEnumerable<TestCaseData> Recorded()
        => new[] { Repository.Data("xenstore"), Environment.GetEnvironmentVariable("PV_TRANSCRIPTS") }
            .Where(folder => !string.IsNullOrEmpty(folder))
            .SelectMany(folder => Directory.EnumerateFiles(folder!, "*.txt").Order(StringComparer.Ordinal))
            .Select(file => new TestCaseData(file).SetArgDisplayNames(Path.GetFileNameWithoutExtension(file)));

    [TestCaseSource(nameof(Recorded))]
    public void Ours_says_what_the_real_daemon_said(string file)
    {
        var recorded = File.ReadAllLines(file);
        var ours = Transcript.Play(recorded);
        for (var i = 0; i < Math.Min(recorded.Length, ours.Count); i++)
        {
            if (recorded[i] != ours[i])
                Assert.Fail($"Line {i + 1}, after\n{string.Join('\n', recorded[Math.Max(0, i - 6)..i])}\nrecorded:\n{Cut(recorded[i])}\nours:\n{Cut(ours[i])}");
        }
        Assert.That(ours, Has.Count.EqualTo(recorded.Length));
    }

    private static string Cut(string line) => line.Length <= 300 ? line : line[..300] + "…";
}
