namespace Pv.Toolstack.CommandLine;

/// <summary>What became of <c>xl</c>'s words: a command with its words sorted, or an answer that needs no host.</summary>
/// <param name="ExitCode">Of the answer, when <see cref="Row"/> is null.</param>
/// <param name="Output">Of the answer.</param>
/// <param name="ErrorOutput">Of the answer.</param>
public sealed record CommandChoice(int ExitCode, string Output, string ErrorOutput)
{
    private const int Failure = 1, WrongUse = 2;

    /// <summary>The command to run, or null.</summary>
    public CommandRow? Row { get; private init; }

    public CommandWords? Words { get; private init; }

    public GlobalWords? Global { get; private init; }

    /// <summary>Sorts the words. Help, wrong use and commands that are not built are answered here.</summary>
    public static CommandChoice Of(ReadOnlySpan<string> all)
    {
        if (GlobalWords.Sort(all) is not { } global)
            return new(Failure, "", "unknown global option\n");
        if (global.Command is not { } name)
            return new(Failure, CommandHelp.List(whole: false), "");
        if (CommandRows.Find(name) is not { } row)
            return new(Failure, "", "command not implemented\n");
        if (!row.IsBuilt)
            return new(Failure, "", $"xl {row.Name}: not built yet in this version of Pv\n");
        if (CommandWords.Sort(row, global.After, out var refusal) is not { } words)
            return new(WrongUse, "", refusal + "\n");
        if (words.Has('h'))
            return new(0, CommandHelp.Of(row), "");
        if (row.Name == "help")
            return Help(words);
        if (global.DryRun && !row.HasDryRun)
            return new(Failure, "", "command does not implement -N (dryrun) option\n");
        if (words.Rest.Count < row.Least)
            return new(WrongUse, CommandHelp.Of(row), $"'xl {row.Name}' requires at least {row.Least} argument{(row.Least == 1 ? "" : "s")}.\n\n");
        return new(0, "", "") { Row = row, Words = words, Global = global };
    }

    private static CommandChoice Help(CommandWords words)
    {
        var isJson = words.Has(CommandRows.JsonLetter);
        if (words.Rest.Count == 0)
            return new(0, isJson ? HelpJson.Of(CommandRows.All) : CommandHelp.List(words.Has('1')), "");
        return CommandRows.Find(words.Rest[0]) is { } row
            ? new(0, isJson ? HelpJson.Of([row]) : CommandHelp.Of(row), "")
            : new(0, "", $"command \"{words.Rest[0]}\" not implemented\n");
    }
}
