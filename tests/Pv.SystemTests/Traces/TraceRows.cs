namespace Pv.SystemTests.Traces;

/// <summary>Phases as text: <c>[name]</c>, then a row for each ordered kind, then one with <c>~</c> for each other kind.</summary>
internal static class TraceRows
{
    private const string OtherMark = "~ ";

    public static IEnumerable<string> Of(IEnumerable<TracePhase> phases)
        => phases.SelectMany(phase => (string[])[$"[{phase.Name}]", .. phase.Ordered, .. phase.Others.Select(kind => OtherMark + kind)]);

    public static IReadOnlyList<TracePhase> Parse(IEnumerable<string> rows)
    {
        var phases = new List<(string Name, List<string> Ordered, List<string> Others)>();
        foreach (var row in rows.Where(row => row.Length > 0 && row[0] != '#'))
        {
            if (row[0] == '[')
                phases.Add((row.Trim('[', ']'), [], []));
            else if (row.StartsWith(OtherMark, StringComparison.Ordinal))
                phases[^1].Others.Add(row[OtherMark.Length..]);
            else
                phases[^1].Ordered.Add(row);
        }
        return [.. phases.Select(phase => new TracePhase(phase.Name, phase.Ordered, phase.Others))];
    }
}
