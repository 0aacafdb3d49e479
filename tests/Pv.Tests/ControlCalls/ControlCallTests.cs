using System.Text;
using NUnit.Framework;
using Pv.Tests.Core;

namespace Pv.Tests.ControlCalls;

/// <summary>
/// The calls of a toolstack, answered as real Xen 4.17 answered them to its domain 0 (<c>tests/Data/control-calls</c>). Where an answer is another one,
/// <c>differences.txt</c> has it with the reason; a difference that is listed and does not occur is a failure, too.
/// </summary>
[TestFixture]
internal sealed class ControlCallTests
{
    private const string Arrow = " -> ";

    private static readonly string Folder = Repository.Data("control-calls");

    private static readonly ILookup<string, string> Differences = ReadDifferences().ToLookup(line => line.File, line => line.Row);

    private static IEnumerable<string> Files => Directory.GetFiles(Folder, "*.txt").Select(Path.GetFileNameWithoutExtension).Where(name => name != "differences").Order()!;

    [TestCaseSource(nameof(Files))]
    public void Domain_0_hears_what_real_Xen_says(string file)
    {
        var listed = Differences[file].ToList();
        var wrong = new StringBuilder();
        using var machine = new TestMachine(frames: 4096, pcpus: 2);
        using (var run = new ControlRun(machine))
        {
            foreach (var (line, index) in File.ReadLines(Path.Combine(Folder, file + ".txt")).Select((line, index) => (line, index)))
            {
                if (line.Length == 0 || line[0] == '#')
                    continue;
                var arrow = line.IndexOf(Arrow, StringComparison.Ordinal);
                var row = arrow < 0 ? line : line[..arrow];
                var expected = arrow < 0 ? null : line[(arrow + Arrow.Length)..];
                var answer = run.Do(row);
                if (answer != expected && !listed.Remove($"{row}{Arrow}{answer}"))
                    wrong.AppendLine($"{file}.txt:{index + 1}: {row}\n  Xen {expected}\n  Pv  {answer}");
            }
        }
        foreach (var row in listed)
            wrong.AppendLine($"differences.txt has what does not occur: {file}: {row}");
        Assert.That(wrong.ToString(), Is.Empty);
    }

    [Test]
    public void Differences_are_of_files_that_are_there() => Assert.That(Differences.Select(group => group.Key), Is.SubsetOf(Files));

    private static IEnumerable<(string File, string Row)> ReadDifferences()
    {
        foreach (var line in File.ReadLines(Path.Combine(Folder, "differences.txt")))
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            yield return (line[..colon], line[(colon + 2)..]);
        }
    }
}
