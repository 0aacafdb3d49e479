using NUnit.Framework;
using Pv.Toolstack.CommandLine;

namespace Pv.Tests.Commands;

[TestFixture]
public sealed class CommandLineTests
{
    private static readonly CommandRow Row = new("test", "", "A test")
    {
        Options = [new('p', null, null, ""), new('n', "number", "N", ""), new('q', "quiet", null, ""), new('1', "quick", null, "")],
    };

    private static (CommandWords? Words, string? Refusal) Sort(params string[] words) => (CommandWords.Sort(Row, words, out var refusal), refusal);

    public static IEnumerable<TestCaseData> RealCommands()
        => File.ReadLines(Repository.Data("xl", "XL-SUBCOMMANDS.tsv")).Skip(1).Select(line => line.Split('\t')).Select(row => new TestCaseData(row[0], row[1] == "1"));

    [TestCaseSource(nameof(RealCommands))]
    public void Every_command_of_xl_is_in_the_table(string name, bool hasDryRun)
        => Assert.That(CommandRows.Find(name)?.HasDryRun, Is.EqualTo(hasDryRun));

    [TestCase("l", null)]
    [TestCase("li", "list")]
    [TestCase("cre", "create")]
    [TestCase("pau", "pause")]
    [TestCase("block", null)]
    [TestCase("sched-credit", "sched-credit")]
    [TestCase("migrate", "migrate")]
    [TestCase("", null)]
    [TestCase("lists", null)]
    public void The_beginning_of_a_name_names_it_if_no_other_begins_so(string word, string? name)
        => Assert.That(CommandRows.Find(word)?.Name, Is.EqualTo(word == "l" ? CommandRows.All.Count(row => row.Name.StartsWith('l')) == 1 ? "list" : null : name));

    [TestCase("tr", "trigger")]
    [TestCase("tra", "trace")]
    [TestCase("ru", "run")]
    [TestCase("rune", null)]
    [TestCase("re", null)]
    public void Words_of_our_own_take_no_beginning_from_those_of_xl(string word, string? name)
        => Assert.That(CommandRows.Find(word)?.Name, Is.EqualTo(name));

    [Test]
    public void Every_beginning_means_what_it_means_to_the_real_one()
    {
        var real = CommandRows.All.Where(row => !row.IsOwn).Select(row => row.Name).ToArray();
        foreach (var beginning in real.SelectMany(name => Enumerable.Range(1, name.Length).Select(length => name[..length])).Distinct())
        {
            var named = real.Contains(beginning) ? beginning : real.Count(name => name.StartsWith(beginning, StringComparison.Ordinal)) == 1
                ? real.Single(name => name.StartsWith(beginning, StringComparison.Ordinal)) : null;
            Assert.That(CommandRows.Find(beginning)?.Name, Is.EqualTo(named), beginning);
        }
    }

    [Test]
    public void Every_json_is_documented()
    {
        var documented = File.ReadLines(Path.Combine(Repository.Root, "docs", "xl-json.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(line => line.Split(" | ")[0].Split('`').Where((_, i) => i % 2 == 1)).Select(command => command.Split(' ')[0]).Distinct();
        Assert.That(documented, Is.EquivalentTo(CommandRows.All.Where(row => row.LongOption("json") != null).Select(row => row.Name)));
    }

    [Test]
    public void Options_stand_together_and_before_the_words()
    {
        var (words, _) = Sort("-pn7", "--number=8", "--qu=", "-n", "9");
        Assert.That(words, Is.Null, "an option without argument was given one");

        (words, _) = Sort("-pn7", "--quiet", "--numb", "8", "a", "b", "-p", "--x", "-h", "--", "--json");
        Assert.That(words!.Rest, Is.EqualTo(new[] { "a", "b", "-p", "--x", "-h", "--", "--json" }));
        Assert.That((words.Has('p'), words.Has('q'), words.Has('1'), words.Argument('n')), Is.EqualTo((true, true, false, "8")));
        Assert.That(Sort("-p", "--", "-q", "a").Words!.Rest, Is.EqualTo(new[] { "-q", "a" }));
    }

    [Test]
    public void Commands_of_our_own_take_options_anywhere()
        => Assert.That(CommandWords.Sort(Row with { Traits = CommandTraits.Own }, ["a", "-p", "b", "--", "-q"], out _)!.Rest, Is.EqualTo(new[] { "a", "b", "-q" }));

    [TestCase("f -f g", "g")]
    [TestCase("-f g f", null)]
    [TestCase("f -p a=1 g", null)]
    [TestCase("a=1 f", "f")]
    [TestCase("a=1", "")]
    public void One_file_counts(string words, string? file)
    {
        var sorted = CreateWords.Sort(CommandWords.Sort(CommandRows.Find("create")!, words.Split(' '), out _)!);
        Assert.That(sorted == null ? null : sorted.File ?? "", Is.EqualTo(file));
    }

    [TestCase("create", "f -p a=1 -q", "f a=1 -q")]
    [TestCase("create", "a=1 -q f", "a=1 -q f")]
    [TestCase("create", "-p f -q", "f -q")]
    [TestCase("create", "f g -p", "f g -p")]
    [TestCase("config-update", "d f -d x", "d f x")]
    [TestCase("config-update", "d -d f", "d f")]
    [TestCase("list", "d -l --json", "d -l")]
    [TestCase("pause", "d --json", "d --json")]
    public void Words_before_options_are_those_of_the_real_one(string command, string words, string rest)
        => Assert.That(CommandWords.Sort(CommandRows.Find(command)!, words.Split(' '), out _)!.Rest, Is.EqualTo(rest.Split(' ')));

    [TestCase("option `x' not supported.", "-x")]
    [TestCase("option `1' not supported.", "-1")]
    [TestCase("option `--qui' not supported.", "--qui")]
    [TestCase("option `n' needs an argument.", "-p", "-n")]
    [TestCase("option `--number' needs an argument.", "--number")]
    public void What_is_no_option_is_named(string refusal, params string[] words) => Assert.That(Sort(words), Is.EqualTo(((CommandWords?)null, refusal)));

    [Test]
    public void A_minus_alone_is_a_word() => Assert.That(Sort("-").Words!.Rest, Is.EqualTo(new[] { "-" }));

    [Test]
    public void Global_options_stand_before_the_command()
    {
        var words = GlobalWords.Sort(["-vvN", "-t", "list", "-v"])!;

        Assert.That((words.Verbosity, words.DryRun, words.Force, words.Command), Is.EqualTo((2, true, false, "list")));
        Assert.That(words.After, Is.EqualTo(new[] { "-v" }));
        Assert.That(GlobalWords.Sort(["-v", "--", "-x"])!.Command, Is.EqualTo("-x"));
        Assert.That(GlobalWords.Sort(["-x", "list"]), Is.Null);
    }

    [Test]
    public void A_dry_run_of_a_command_without_one_is_refused()
        => Assert.That(CommandChoice.Of(["-N", "list"]), Is.EqualTo(new CommandChoice(1, "", "command does not implement -N (dryrun) option\n")));

    private static IEnumerable<string> NotBuilt() => CommandRows.All.Where(row => !row.IsBuilt).Select(row => row.Name);

    [TestCaseSource(nameof(NotBuilt))]
    public void What_is_not_built_says_so(string name)
    {
        var choice = CommandChoice.Of([name, "-x", "1", "2", "3"]);

        Assert.That((choice.ExitCode, choice.ErrorOutput), Is.EqualTo((1, $"xl {name}: not built yet in this version of Pv\n")));
        Assert.That(CommandHelp.List(whole: false), Does.Contain(" " + name));
    }

    [Test]
    public void Help_names_every_option_of_every_command_that_is_built()
    {
        foreach (var row in CommandRows.All.Where(row => row.IsBuilt))
        {
            var help = CommandChoice.Of(["help", row.Name]).Output;
            Assert.That(help, Does.StartWith("Usage: xl [-").And.Contain(row.Summary));
            foreach (var option in row.Options)
                Assert.That(help, Does.Contain(option.HasLetter ? $"\n-{option.Letter}" : $"\n--{option.Long}"), row.Name);
            Assert.That(CommandChoice.Of([row.Name, "-h"]).Output, Is.EqualTo(help));
        }
    }
}
