namespace Pv.Config.Strict;

/// <summary>The word that somebody may have meant.</summary>
public static class NearestWord
{
    /// <summary>Longer words are no misspelt keys.</summary>
    private const int Longest = 40;

    /// <summary>The word with the fewest letters changed, added, dropped or swapped; null when all are too far.</summary>
    public static string? Find(string word, IEnumerable<string> words)
    {
        if (word.Length is 0 or > Longest)
            return null;
        int nearest = 1 + Math.Max(1, word.Length / 3);
        string? found = null;
        foreach (string other in words)
        {
            if (Math.Abs(other.Length - word.Length) >= nearest || Distance(word, other) is var distance && distance >= nearest)
                continue;
            (nearest, found) = (distance, other);
        }
        return found;
    }

    /// <summary>Damerau's and Levenshtein's distance, with neighbours swapped at most once.</summary>
    private static int Distance(string a, string b)
    {
        Span<int> before = stackalloc int[b.Length + 1], last = stackalloc int[b.Length + 1], next = stackalloc int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            last[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            next[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                next[j] = Math.Min(Math.Min(next[j - 1], last[j]) + 1, last[j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    next[j] = Math.Min(next[j], before[j - 2] + 1);
            }
            Span<int> spare = before;
            before = last;
            last = next;
            next = spare;
        }
        return last[b.Length];
    }
}
