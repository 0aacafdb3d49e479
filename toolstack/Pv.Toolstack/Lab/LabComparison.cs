using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab;

/// <summary>What has changed since an older run, row by row.</summary>
/// <param name="Rows">Those that both runs have.</param>
/// <param name="Warnings">Why a difference may not come from what was changed.</param>
public sealed record LabComparison(IReadOnlyList<(LabRow Row, Change Change)> Rows, IReadOnlyList<string> Warnings)
{
    private static readonly string[] OughtToAgree = ["machine", "system", "seed", "quick"];

    public bool IsSlower => Rows.Any(row => row.Change.Verdict == ChangeVerdict.Slower);

    /// <exception cref="FormatException">They are different experiments.</exception>
    public static LabComparison Of(LabResult before, LabResult after, int seed)
    {
        if (before.Experiment != after.Experiment)
            throw new FormatException($"it is of the experiment {before.Experiment}, not {after.Experiment}");
        var old = before.Rows.ToDictionary(row => row.Key);
        var measured = after.Rows.Where(row => row.Times.Length > 0).ToArray();
        var rows = measured.Where(row => old.TryGetValue(row.Key, out var was) && was.Times.Length > 0)
            .Select(row => (row, Change.Between(old[row.Key].Sample with { Share = row.Share }, row.Sample, seed))).ToArray();
        var facts = before.Facts.ToDictionary(fact => fact.Name, fact => fact.Value);
        var warnings = after.Facts.Where(fact => OughtToAgree.Contains(fact.Name) && facts.TryGetValue(fact.Name, out var was) && was != fact.Value)
            .Select(fact => $"{fact.Name} differs: {facts[fact.Name]} then, {fact.Value} now").ToList();
        if (rows.Length < measured.Length)
            warnings.Add($"{measured.Length - rows.Length} of {measured.Length} measurements are not in the older run");
        return new LabComparison(rows, warnings);
    }

    /// <summary>A line for each change that can be told from chance, and one for the rest.</summary>
    public IEnumerable<string> Lines()
    {
        var changed = Rows.Where(row => row.Change.Verdict != ChangeVerdict.None).OrderBy(row => row.Change.Ratio).ToArray();
        var width = changed.Select(row => row.Row.Key.Length).DefaultIfEmpty(0).Max();
        foreach (var (row, change) in changed)
            yield return $"{row.Key.PadRight(width)}  {change}";
        yield return $"{changed.Count(row => row.Change.Verdict == ChangeVerdict.Faster)} faster, {changed.Count(row => row.Change.Verdict == ChangeVerdict.Slower)} slower, {Rows.Count - changed.Length} without a change that can be seen";
    }
}
