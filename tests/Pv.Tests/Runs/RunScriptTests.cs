using System.Text;
using NUnit.Framework;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Commands;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Runs;

namespace Pv.Tests.Runs;

/// <summary>The steps of <c>xl run</c>: what is waited for, what is typed and when.</summary>
[TestFixture]
public sealed class RunScriptTests
{
    private static RunScript Script(params string[] words) => RunScript.Of(CommandWords.Sort(CommandRows.Find("run")!, words, out _)!, 'x', 's');

    private static string TypedSoFar(RunScript script)
    {
        var all = new StringBuilder();
        while (script.Typed.TryRead(out var bytes))
            all.Append(Encoding.UTF8.GetString(bytes));
        return all.ToString();
    }

    [Test]
    public void Each_step_waits_for_those_before_it()
    {
        var script = Script("--send", "first", "-x", "login: ", "-s", "root", "-s", "pw\\c", "--expect=# ", "-s", "poweroff");
        Assert.That(TypedSoFar(script), Is.EqualTo("first\r"));

        script.Show("# the login:\nlog"u8);
        Assert.That((TypedSoFar(script), script.Awaited), Is.EqualTo(("", "login: ")));
        script.Show("in: # "u8);
        Assert.That((TypedSoFar(script), script.Awaited, script.IsMet, script.Shown), Is.EqualTo(("root\rpwpoweroff\r", (string?)null, false, 2)));
    }

    [Test]
    public void A_text_at_the_end_is_what_the_run_was_made_for()
    {
        var script = Script("-x", "a", "-x", "b");
        script.Show("b"u8);
        script.Show("a"u8);
        Assert.That(script.IsMet, Is.False, "b came before a");
        script.Show("b"u8);
        Assert.That(script.IsMet, Is.True);
        Assert.That(Script().IsMet, Is.False);
    }

    [TestCase("-x", "")]
    [TestCase("-s", "\\q")]
    [TestCase("-s", "\\")]
    [TestCase("-s", "\\xg0")]
    [TestCase("-s", "\\cmore")]
    public void What_cannot_be_is_refused_with_a_sentence(params string[] words)
        => Assert.That(() => Script(words), Throws.TypeOf<ToolstackException>().With.Property("ExitCode").EqualTo(2));

    [TestCase("ls", "ls\r")]
    [TestCase("", "\r")]
    [TestCase("\\c", "")]
    [TestCase("a\\tb\\n\\\\\\x1b\\e\\c", "a\tb\n\\\u001b\u001b")]
    [TestCase("grüß 🐧", "grüß 🐧\r")]
    public void Typed_text(string text, string bytes) => Assert.That(Encoding.UTF8.GetString(TypedText.Parse(text)), Is.EqualTo(bytes));

    [Test]
    public void A_text_is_found_however_it_is_cut([Values("aab", "abab", "aaaa", "x", "abacab")] string text, [Values(1, 2, 3, 7)] int piece)
    {
        var random = new Random(7);
        var bytes = Enumerable.Range(0, 2000).Select(_ => (byte)"abcx"[random.Next(4)]).ToArray();
        var all = Encoding.ASCII.GetString(bytes);
        var search = new TextSearch(Encoding.ASCII.GetBytes(text));
        var (found, expected) = (new List<int>(), new List<int>());
        // Behind one that was found the search begins anew.
        for (var at = 0; (at = all.IndexOf(text, at, StringComparison.Ordinal)) >= 0; expected.Add(at += text.Length))
        {
        }
        for (var at = 0; at < bytes.Length;)
        {
            var part = bytes.AsSpan(at, Math.Min(piece - at % piece, bytes.Length - at));
            var end = search.Find(part);
            at += end < 0 ? part.Length : end;
            if (end >= 0)
                found.Add(at);
        }
        Assert.That(found, Is.EqualTo(expected).And.Not.Empty);
    }

    [TestCase("90", 90)]
    [TestCase("1.5s", 1.5)]
    [TestCase("250ms", 0.25)]
    [TestCase("2m", 120)]
    [TestCase("1h", 3600)]
    [TestCase("0", 0)]
    public void A_time(string word, double seconds) => Assert.That(Durations.Parse(word)!.Value.TotalSeconds, Is.EqualTo(seconds));

    [TestCase("")]
    [TestCase("s")]
    [TestCase("-1")]
    [TestCase("1d")]
    [TestCase("NaN")]
    [TestCase("1e9")]
    [TestCase("99999999h")]
    public void No_time(string word) => Assert.That(() => Durations.Parse(word), Throws.TypeOf<ToolstackException>());
}
