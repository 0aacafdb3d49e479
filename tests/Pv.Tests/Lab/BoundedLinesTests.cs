using NUnit.Framework;
using Pv.Toolstack.Lab.Replay;

namespace Pv.Tests.Lab;

/// <summary>Lines of a text that nobody vouches for.</summary>
[TestFixture]
public sealed class BoundedLinesTests
{
    [TestCase("", new string[0])]
    [TestCase("one", new[] { "one" })]
    [TestCase("one\ntwo\r\n\nfour\n", new[] { "one", "two", "", "four" })]
    public void Are_those_that_a_reader_finds(string text, string[] lines) => Assert.That(All(text, 4), Is.EqualTo(lines));

    [Test]
    public void Go_beyond_what_is_read_at_once()
    {
        var lines = Enumerable.Range(0, 100).Select(i => new string((char)('a' + (i % 26)), i * 137)).ToArray();
        Assert.That(All(string.Join('\n', lines), 20_000), Is.EqualTo(lines));
    }

    [Test]
    public void Too_long_ones_are_refused()
        => Assert.That(() => All("short\nlonger\n", 5), Throws.TypeOf<FormatException>().With.Message.EqualTo("it has more than 5 characters"));

    private static List<string> All(string text, int longest)
    {
        var lines = new BoundedLines(new StringReader(text), longest);
        var all = new List<string>();
        while (lines.Read() is { } line)
            all.Add(line);
        return all;
    }
}
