using Pv.Toolstack.CommandLine;

namespace Pv.Xl.Help;

/// <summary>What a word at some place of a command's line may be, as far as completion can help with it.</summary>
internal enum ArgumentKind
{
    Other,
    Domain,
    File,
    Pool,
    Command,
    Word,
}

/// <summary>Reads the usage line of a command: <c>&lt;Domain&gt;</c> stands for a domain, <c>&lt;on|off&gt;</c> for one of these words.</summary>
internal static class ArgumentKinds
{
    /// <summary>What stands at each place, with the words to choose from; a <c>…</c> at the end repeats the last.</summary>
    public static (IReadOnlyList<(ArgumentKind Kind, string[] Words)> Places, bool Repeats) Of(CommandRow row)
    {
        var places = new List<(ArgumentKind, string[])>();
        var repeats = false;
        foreach (var word in row.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            repeats |= word.Contains("...", StringComparison.Ordinal) || word.Contains("(s)", StringComparison.Ordinal);
            if (word is "..." or "[options]" or "[option]" or "...]" || word.StartsWith("[-", StringComparison.Ordinal) || word.StartsWith('-'))
                continue;
            places.Add(KindOf(row, word));
        }
        return (places, repeats);
    }

    /// <summary>What the argument of an option is.</summary>
    public static ArgumentKind OfOption(OptionRow option) => option.Argument switch
    {
        "FILE" => ArgumentKind.File,
        "DOMAIN" => ArgumentKind.Domain,
        "CPUPOOL" => ArgumentKind.Pool,
        _ => ArgumentKind.Other,
    };

    private static (ArgumentKind, string[]) KindOf(CommandRow row, string word)
    {
        var bare = word.Trim('<', '>', '[', ']', '.').Replace("(s)", "", StringComparison.Ordinal);
        if (row.Name == "wait" && bare == "State")
            return (ArgumentKind.Word, ["exists", "running", "paused", "shutdown", "poweroff", "reboot", "suspend", "crash", "watchdog", "destroyed"]);
        return bare switch
        {
            "Domain" or "DomainName" or "DomainId" or "-a|Domain" or "Domain|-g" or "Domain>|-g" => (ArgumentKind.Domain, []),
            "ConfigFile" or "File" or "Filename" => (ArgumentKind.File, []),
            "command" => (ArgumentKind.Command, []),
            "CPU" when word.StartsWith('<') || word.StartsWith('[') => (ArgumentKind.Pool, []),
            _ when bare.Contains('|') && bare.Split('|').All(one => one.Length > 0 && one.All(char.IsAsciiLetterLower)) => (ArgumentKind.Word, bare.Split('|')),
            _ => (ArgumentKind.Other, []),
        };
    }
}
