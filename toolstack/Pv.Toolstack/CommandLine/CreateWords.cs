namespace Pv.Toolstack.CommandLine;

/// <summary>The words of <c>create</c>: one file, and lines that are added to it.</summary>
/// <param name="File">The configuration file, or null if none was named.</param>
/// <param name="Lines">Words with an equals sign, in order.</param>
public sealed record CreateWords(string? File, string[] Lines)
{
    /// <summary>Null when there is a word too many (help, and exit code 2).</summary>
    /// <param name="words">The command's words.</param>
    /// <param name="first">Where they begin.</param>
    public static CreateWords? Sort(CommandWords words, int first = 0)
    {
        var file = words.Argument('f');
        var lines = new List<string>();
        for (var i = first; i < words.Rest.Count; i++)
        {
            var word = words.Rest[i];
            if (word.Contains('='))
                lines.Add(word);
            else if (file == null)
                file = word;
            // A file that -f replaces may stand before the options, and nowhere else.
            else if (i >= words.Leading)
                return null;
        }
        return new CreateWords(file, [.. lines]);
    }
}
