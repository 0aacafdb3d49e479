namespace Pv.Toolstack.CommandLine;

/// <summary>The options before the subcommand, and which it is.</summary>
/// <param name="Options">Letters of <c>vNftT</c>, as often as they were given.</param>
/// <param name="Command">The subcommand's word, or null without one.</param>
/// <param name="After">What follows it.</param>
public sealed record GlobalWords(string Options, string? Command, string[] After)
{
    private const string Known = "vNftT";

    /// <summary>How much more than usual is to be told.</summary>
    public int Verbosity => Options.Count(option => option == 'v');

    public bool DryRun => Options.Contains('N');

    public bool Force => Options.Contains('f');

    /// <summary>Log lines bear the time.</summary>
    public bool Timestamps => Options.Contains('T');

    /// <summary>Sorts all words of <c>xl</c>; null when an option is unknown (exit code 1).</summary>
    public static GlobalWords? Sort(ReadOnlySpan<string> words)
    {
        var options = "";
        var i = 0;
        for (; i < words.Length && words[i].Length > 1 && words[i][0] == '-'; i++)
        {
            var letters = words[i][1..];
            if (letters == "-")
            {
                i++;
                break;
            }
            if (letters is "h" or "-help")
                return new GlobalWords(options, "help", []);
            if (!letters.All(Known.Contains))
                return null;
            options += letters;
        }
        return i == words.Length ? new GlobalWords(options, null, []) : new GlobalWords(options, words[i], words[(i + 1)..].ToArray());
    }
}
