namespace Pv.SystemTests.Traces;

/// <summary>
/// Differences from real Xen that are as they should be. A file of them: each a line that starts with <c>must</c> or, for what depends on the
/// moment, <c>may</c>; behind one or several of them the reason, indented.
/// </summary>
internal sealed class KnownDifferences
{
    private readonly HashSet<string> _musts = [];
    private readonly HashSet<string> _mays = [];

    /// <param name="lines">The file.</param>
    /// <param name="trace">The trace that is compared: the word behind <c>must</c> or <c>may</c>.</param>
    public KnownDifferences(IEnumerable<string> lines, string trace)
    {
        var unexplained = 0;
        foreach (var line in lines.Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line[0] == ' ')
            {
                unexplained = 0;
                continue;
            }
            unexplained++;
            var words = line.Split(' ', 3);
            if (words.Length != 3 || words[0] is not ("must" or "may"))
                throw new InvalidDataException($"No difference: {line}");
            if (words[1] == trace)
                (words[0] == "must" ? _musts : _mays).Add(words[2]);
        }
        if (unexplained > 0)
            throw new InvalidDataException("The last difference has no reason.");
    }

    /// <summary>What is wrong: differences that nobody knows, and known ones that have gone.</summary>
    public IReadOnlyList<string> Judge(IEnumerable<string> found)
    {
        var all = found.ToHashSet();
        return [.. all.Where(row => !_musts.Contains(row) && !_mays.Contains(row)), .. _musts.Where(row => !all.Contains(row)).Select(row => $"no longer: {row}")];
    }
}
