using NUnit.Framework;

namespace Pv.SystemTests.Traces;

/// <summary>How traces are compared: what differs is found, and is judged by what is known.</summary>
[TestFixture]
public sealed class TraceComparisonTests
{
    [TestCase("a a a b", "a b")]
    [TestCase("a b a b a b c", "a b c")]
    [TestCase("a a b a b b c a b c", "a b c")]
    [TestCase("a b c b a", "a b c b a")]
    public void A_loop_is_said_once(string rows, string folded) => Assert.That(string.Join(' ', Repetitions.Fold(rows.Split(' '))), Is.EqualTo(folded));

    [Test]
    public void What_comes_and_what_goes_is_found_where_it_is()
    {
        TracePhase[] onXen = [new("one", ["a", "b", "c"], ["x", "y", "v"]), new("two", ["d"], ["v"]), new("three", [], [])];
        TracePhase[] here = [new("one", ["a", "c", "e"], ["y", "z"]), new("two", ["d"], ["v"])];
        Assert.That(TraceDifferences.Of(onXen, here), Is.EqualTo(new[] { "[one] - b", "[one] + e", "[one] + ~ z", "[three] - the whole phase", "[all] - ~ x" }));
        Assert.That(TraceDifferences.Of(onXen, onXen), Is.Empty);
    }

    [Test]
    public void Rows_of_phases_are_read_as_they_were_written()
    {
        TracePhase[] phases = [new("one", ["a", "b"], ["x"]), new("two", [], [])];
        var rows = TraceRows.Of(phases).ToArray();
        Assert.That(rows, Is.EqualTo(new[] { "[one]", "a", "b", "~ x", "[two]" }));
        Assert.That(TraceDifferences.Of(phases, TraceRows.Parse(["# about", .. rows])), Is.Empty);
    }

    [Test]
    public void A_difference_must_be_known_and_one_that_must_be_may_not_go()
    {
        string[] file = ["# about", "must 1vcpu [one] - b", "may 1vcpu [one] + e", "    because", "must 2vcpu [one] + f", "    because"];
        var known = new KnownDifferences(file, "1vcpu");
        Assert.That(known.Judge(["[one] - b", "[one] + e"]), Is.Empty);
        Assert.That(known.Judge(["[one] - b"]), Is.Empty);
        Assert.That(known.Judge(["[one] + e"]), Is.EqualTo(new[] { "no longer: [one] - b" }));
        Assert.That(known.Judge(["[one] - b", "[one] + f"]), Is.EqualTo(new[] { "[one] + f" }));
        Assert.That(() => new KnownDifferences(["must 1vcpu [one] - b"], "1vcpu"), Throws.TypeOf<InvalidDataException>(), "no reason");
        Assert.That(() => new KnownDifferences(["perhaps 1vcpu [one] - b", " because"], "1vcpu"), Throws.TypeOf<InvalidDataException>());
    }
}
