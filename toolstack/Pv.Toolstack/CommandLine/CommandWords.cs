namespace Pv.Toolstack.CommandLine;

/// <summary>
/// A subcommand's words, sorted: options and the rest. As xl sorts them, the first word that is no option ends the options, as <c>--</c> does. Only
/// the commands that xl does not have take options anywhere, and <c>--json</c> is one wherever it stands.
/// </summary>
public sealed class CommandWords
{
    private const string Json = "--json";

    private readonly List<(char Letter, string? Argument)> _options = [];
    private readonly List<string> _rest = [];

    private CommandWords()
    {
    }

    /// <summary>What is not an option, in order.</summary>
    public IReadOnlyList<string> Rest => _rest;

    /// <summary>How many of them stood before the options.</summary>
    public int Leading { get; private set; }

    /// <summary>Whether the option was given.</summary>
    public bool Has(char letter) => _options.Exists(option => option.Letter == letter);

    /// <summary>All options as they were given, in order.</summary>
    public IReadOnlyList<(char Letter, string? Argument)> Options => _options;

    /// <summary>The argument of the option's last mention, or null.</summary>
    public string? Argument(char letter) => _options.FindLast(option => option.Letter == letter).Argument;

    /// <summary>The arguments of all the option's mentions, in order.</summary>
    public IReadOnlyList<string> Arguments(char letter)
        => [.. _options.Where(option => option.Letter == letter && option.Argument != null).Select(option => option.Argument!)];

    /// <summary>
    /// Sorts the words that follow the command's name. When one is no option of this command, the result is null and
    /// <paramref name="refusal"/> a sentence for the user (exit code 2).
    /// </summary>
    public static CommandWords? Sort(CommandRow row, ReadOnlySpan<string> words, out string? refusal)
    {
        var sorted = new CommandWords();
        refusal = null;
        var areOver = false;
        for (var i = 0; i < words.Length && refusal == null; i++)
        {
            var word = words[i];
            if (!areOver && i < row.LeadingWords && sorted._options.Count == 0 && IsPlain(word))
            {
                sorted._rest.Add(word);
                sorted.Leading++;
            }
            else if (areOver && (word != Json || row.LongOption("json") == null))
                sorted._rest.Add(word);
            else if (word == "--")
            {
                sorted._rest.AddRange(words[(i + 1)..]);
                break;
            }
            else if (word.StartsWith("--", StringComparison.Ordinal))
                refusal = sorted.TakeLong(row, word[2..], words, ref i);
            else if (word.Length > 1 && word[0] == '-')
                refusal = sorted.TakeCluster(row, word, words, ref i);
            else
            {
                sorted._rest.Add(word);
                areOver = !row.IsOwn;
            }
        }
        return refusal == null ? sorted : null;
    }

    /// <summary>What may stand before the options: neither an option nor a line of a configuration.</summary>
    private static bool IsPlain(string word) => !word.StartsWith('-') && !word.Contains('=');

    private string? TakeLong(CommandRow row, string word, ReadOnlySpan<string> words, ref int i)
    {
        var equals = word.IndexOf('=');
        var name = equals < 0 ? word : word[..equals];
        if (name == "help")
        {
            _options.Add(('h', null));
            return null;
        }
        if (row.LongOption(name) is not { } option)
            return $"option `--{name}' not supported.";
        string? argument = equals < 0 ? null : word[(equals + 1)..];
        if (option.Argument == null && argument != null)
            return $"option `--{name}' takes no argument.";
        if (option.Argument != null && argument == null)
        {
            if (++i >= words.Length)
                return $"option `--{name}' needs an argument.";
            argument = words[i];
        }
        _options.Add((option.Letter, argument));
        return null;
    }

    /// <summary>One word of short options: <c>-pc</c>, <c>-n1</c>, <c>-n 1</c>.</summary>
    private string? TakeCluster(CommandRow row, string word, ReadOnlySpan<string> words, ref int i)
    {
        for (var at = 1; at < word.Length; at++)
        {
            var letter = word[at];
            if (letter == 'h' && row.Option('h') == null)
            {
                _options.Add(('h', null));
                continue;
            }
            if (!char.IsAsciiLetter(letter) || row.Option(letter) is not { } option)
                return $"option `{letter}' not supported.";
            if (option.Argument == null)
            {
                _options.Add((letter, null));
                continue;
            }
            var argument = at + 1 < word.Length ? word[(at + 1)..] : ++i < words.Length ? words[i] : null;
            if (argument == null)
                return $"option `{letter}' needs an argument.";
            _options.Add((letter, argument));
            break;
        }
        return null;
    }
}
