using System.Xml.Linq;
using NUnit.Framework;
using Pv.Toolstack.Lab;
using Pv.Toolstack.Lab.Batching;
using Pv.Toolstack.Lab.Output;

namespace Pv.Tests.Lab;

/// <summary>What the lab shows of rows that are known.</summary>
[TestFixture]
public sealed class ChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static readonly LabRow[] Rows =
    [
        Row("fast <&>", "null", "single", 1, 200), Row("fast <&>", "null", "multicall", 1, 250, 1), Row("fast <&>", "null", "multicall", 32, 56, 1 / 32.0), Row("fast <&>", "null", "multicall", 64, 53, 1 / 64.0), Row("fast <&>", "null", "multicall", 1024, 50, 1 / 1024.0),
        Row("slow", "null", "single", 1, 2000), Row("slow", "null", "multicall", 1, 2100, 1), Row("slow", "null", "multicall", 32, 1990, 1 / 32.0), Row("slow", "null", "multicall", 1024, 1980, 1 / 1024.0),
        Row("slow", "mmu-update", "single", 1, 1000), Row("slow", "mmu-update", "multicall", 1, 1100, 1), Row("slow", "mmu-update", "multicall", 32, 500, 1), Row("slow", "mmu-update", "list", 1, 1000, 1), Row("slow", "mmu-update", "list", 32, 100, 1),
    ];

    [Test]
    public void The_svg_is_well_formed_and_has_every_curve()
    {
        var text = SvgChart.Draw(BatchingChart.Of(Rows, seed: 1), "a <footer> & more");
        var root = XDocument.Parse(text).Root!;

        Assert.That(root.Name, Is.EqualTo(Svg + "svg"));
        Assert.That(root.Descendants(Svg + "polyline").Count(), Is.EqualTo(2 + 2 + 3), "single, multicall; the same; single, multicall, list");
        Assert.That(root.Descendants(Svg + "text").Select(one => one.Value), Is.SupersetOf((string[])["null on fast <&>", "null on slow", "mmu-update on slow", "a <footer> & more", "1024", "list"]));
        var (width, height) = ((double)root.Attribute("width")!, (double)root.Attribute("height")!);
        var places = root.Descendants(Svg + "circle").Select(dot => ((double)dot.Attribute("cx")!, (double)dot.Attribute("cy")!)).ToArray();
        Assert.That(places, Is.All.Matches<(double X, double Y)>(dot => dot.X > 0 && dot.X < width && dot.Y > 0 && dot.Y < height));
    }

    [Test]
    public void Charts_of_a_call_share_their_scale_and_keep_their_columns()
    {
        var chart = BatchingChart.Of(Rows, seed: 1);

        Assert.That(chart.Rows.Select(row => row.Select(panel => panel?.Title).ToArray()), Is.EqualTo((string?[][])[["null on fast <&>", "null on slow"], [null, "mmu-update on slow"]]));
        // The slow one's curves lie above the fast one's.
        var polylines = XDocument.Parse(SvgChart.Draw(chart, "")).Descendants(Svg + "polyline").Select(line => ((string)line.Attribute("points")!).Split(' ')[^1].Split(',')[1]).Select(y => double.Parse(y, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.That(polylines[2], Is.LessThan(polylines[0]), "higher on the picture is a smaller y");
    }

    [Test]
    public void A_terminal_shows_the_curves_within_its_width()
    {
        var text = new StringWriter();
        new TerminalChart(new LabOutput(text, TextWriter.Null) { Columns = 80 }).Draw(BatchingChart.Of(Rows, seed: 1));
        var lines = text.ToString().Split('\n');

        Assert.That(lines.Skip(3).Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
        Assert.That(text.ToString(), Does.Contain("at best -75 %"), "cut neither beside the title nor below it");
        Assert.That(text.ToString(), Does.Contain("○").And.Contain("null on slow").And.Contain("1024").And.Not.Contain("\e["));
    }

    [Test]
    public void A_sentence_says_what_to_do()
    {
        var sentences = BatchingConclusions.Of(Rows, seed: 1);

        Assert.That(sentences[0], Does.StartWith("null on fast <&>: a multicall of 32 saves 72 % (200 ns alone, 56.0 ns so); beyond, next to nothing more is saved"));
        Assert.That(sentences[0], Does.EndWith("; 32 in a multicall enter the hypervisor once, and of the other 31 calls' time 74 % is saved."));
        Assert.That(sentences[1], Does.StartWith("null on slow: batches save little: 1 % at best (2.00 us alone, 1.98 us by a multicall as long as can be)"));
        Assert.That(sentences[2], Is.EqualTo("mmu-update on slow: a list argument of 32 saves 90 % (1.00 us alone, 100 ns so); beyond, next to nothing more is saved; a multicall of 32 saves 50 %."));
    }

    [Test]
    public void What_only_the_longest_batch_saves_is_little()
    {
        // By the two costs a batch of one is nearest to where it stops paying, and that saves nothing.
        (int Batch, double Time)[] list = [(1, 285), (2, 266), (4, 256), (8, 251), (1024, 247)];
        LabRow[] rows = [Row("flat", "grant-copy", "single", 1, 293), .. list.Select(point => Row("flat", "grant-copy", "list", point.Batch, point.Time))];

        Assert.That(BatchingConclusions.Of(rows, seed: 1)[0], Does.StartWith("grant-copy on flat: batches save little: 16 % at best"));
    }

    [Test]
    public void Tables_have_a_line_a_measurement()
    {
        var result = new LabResult("batching", [("seed", "1")], Rows, []);

        Assert.That(LabText.Table(Rows).Count(), Is.EqualTo(1 + Rows.Length));
        Assert.That(LabText.Csv(result).Split('\n')[..3], Is.EqualTo((string[])
        [
            "engine,call,way,batch,time_ns,median_ns,low_ns,high_ns,rounds,traps", "fast <&>,null,single,1,200,200,200,200,3,1", "fast <&>,null,multicall,1,250,250,250,250,3,1",
        ]));
        var named = new LabResult("latency", [], [new LabRow([("what", "timer, \"late\""), ("size", "")], [], [("p50_ns", 7)])], []);
        Assert.That(LabText.Csv(named), Is.EqualTo("what,size,p50_ns\n\"timer, \"\"late\"\"\",,7\n"), "what has commas stands in quotes");
    }

    private static LabRow Row(string engine, string call, string way, int batch, double time, double traps = 1)
        => new([("engine", engine), ("call", call), ("way", way), ("batch", $"{batch}")], [time, time, time], [(BatchingExperiment.Traps, traps)]);
}
