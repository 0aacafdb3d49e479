using NUnit.Framework;

namespace Pv.Tests.XenStore;

/// <summary>Requests that were once sent to the C xenstored of Xen 4.17: ours answers, tells and stays silent as it did, to the byte.</summary>
[TestFixture]
public class RecordedTranscriptTests
{
    public static IEnumerable<string> Recorded()
        => Directory.EnumerateFiles(Repository.Data("xenstore"), "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)!).Order();

    [TestCaseSource(nameof(Recorded))]
    public void Ours_says_what_the_real_daemon_said(string name)
    {
        var recorded = File.ReadAllLines(Repository.Data("xenstore", name + ".txt"));
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
