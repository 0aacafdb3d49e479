namespace Pv.Config;

/// <summary>
/// The words of <c>xl create</c> and its like behind the options: a file, and statements that follow its text.
/// </summary>
/// <param name="FileName">The file; null if only statements are given.</param>
/// <param name="Overrides">Words with an equals sign, each a line behind the file; one may hold several statements.</param>
public sealed record ConfigWords(string? FileName, IReadOnlyList<string> Overrides)
{
    /// <summary>Null if there is a second word without an equals sign: xl then shows its help and exits 2.</summary>
    public static ConfigWords? Parse(IEnumerable<string> words)
    {
        string? fileName = null;
        var overrides = new List<string>();
        foreach (string word in words)
        {
            if (word.Contains('='))
                overrides.Add(word);
            else if (fileName is null)
                fileName = word;
            else
                return null;
        }

        return new ConfigWords(fileName, overrides);
    }
}
