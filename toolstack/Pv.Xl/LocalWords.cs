using System.Text;
using Pv.Config;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Toolstack.CommandLine;
using Pv.Xl.Help;
using Pv.Xl.Terminal;

namespace Pv.Xl;

/// <summary>What <c>xl</c> answers by itself, so that no <c>pvd</c> is started for it: help, wrong use, <c>create -n</c>, <c>validate</c>, <c>completion</c>, <c>man</c>; and <c>lab</c>, which has a process of its own.</summary>
internal static class LocalWords
{
    /// <summary>Commands that go to <c>pvd</c> at once, without the cost of the command table, when their exact name comes first and no help is asked.</summary>
    private const string Straight = " list console info domid domname vm-list uptime pause unpause shutdown reboot destroy dmesg trace rename ";

    /// <summary>ERROR_FAIL and ERROR_INVAL of libxl, negated.</summary>
    private const int Fail = 3, Invalid = 6;

    /// <summary>The exit code, or null when the command needs a host.</summary>
    public static int? TryAnswer(string[] words) => IsStraight(words) ? null : Answer(words);

    private static bool IsStraight(string[] words)
        => words.Length > 0 && Straight.Contains($" {words[0]} ", StringComparison.Ordinal)
           && Array.TrueForAll(words, word => word != "-h" && word != "--help");

    private static int? Answer(string[] words)
    {
        var choice = CommandChoice.Of(words);
        if (choice.Row is { } row)
        {
            switch (row.Name)
            {
                case "validate":
                    return ValidateWords.Run(choice.Words!);
                case "man":
                    return Say(ManualPage.Text());
                case "lab":
                    return LabWords.Run(choice.Global!.After);
                case "completion":
                    return Completion.For(choice.Words!.Rest[0]) is { } script
                        ? Say(script)
                        : Complain($"There is no completion for the shell '{choice.Words.Rest[0]}': {Completion.Shells}.", 2);
            }
            return row.Name == "create" && choice.Words is { } rest && (rest.Has('n') || choice.Global!.DryRun)
                ? DryRun(CreateWords.Sort(rest), rest.Has('q'))
                : null;
        }
        Print(1, choice.Output);
        Print(2, choice.ErrorOutput);
        return choice.ExitCode;
    }

    private static int DryRun(CreateWords? words, bool quiet)
    {
        if (words == null)
        {
            Print(1, CommandHelp.Of(CommandRows.Find("create")!));
            return 2;
        }
        if (words.File is not { } file)
            return Complain("Config file not specified and none in save file", Invalid);
        string text;
        try
        {
            text = BoundedFile.ReadConfiguration(file == "-" ? "/dev/stdin" : file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Complain($"Failed to read config file: {file}: {FileFault.Reason(file, e)}", Fail);
        }
        if (!quiet)
            StandardStream.Complain($"Parsing config from {file}");
        var outcome = DomainConfigurationParser.Parse(file, text, words.Lines, HostTopology.OfDryRun(new HostTopology(Environment.ProcessorCount)));
        foreach (var message in outcome.Messages)
            StandardStream.Complain(message);
        if (outcome.Configuration is { } configuration)
            Print(1, DomainConfigurationJson.Render(configuration) + "\n");
        return outcome.ExitCode;
    }

    private static int Say(string text)
    {
        Print(1, text);
        return 0;
    }

    private static int Complain(string sentence, int code)
    {
        StandardStream.Complain(sentence);
        return code;
    }

    private static void Print(int stream, string text) => StandardStream.Write(stream, Encoding.UTF8.GetBytes(text));
}
