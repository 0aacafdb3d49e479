namespace Pv.SystemTests.Traces;

/// <summary>What one run of a kernel asked and was answered that another one was not, as rows: <c>[phase] + kind</c>, or <c>-</c> for what is missing.</summary>
internal static class TraceDifferences
{
    /// <summary>The differences of a run here from one on real Xen.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<TracePhase> onXen, IReadOnlyList<TracePhase> here)
    {
        foreach (var name in onXen.Concat(here).Select(phase => phase.Name).Distinct())
        {
            var (expected, found) = (onXen.FirstOrDefault(phase => phase.Name == name), here.FirstOrDefault(phase => phase.Name == name));
            if (expected is null || found is null)
            {
                yield return $"[{name}] {(found is null ? '-' : '+')} the whole phase";
                continue;
            }
            foreach (var row in OfOrdered(expected.Ordered, found.Ordered))
                yield return $"[{name}] {row}";
            foreach (var row in found.Others.Except(expected.Others))
                yield return $"[{name}] + ~ {row}";
        }
        // In which phase an interrupt falls is chance; that it comes is not.
        foreach (var row in onXen.SelectMany(phase => phase.Others).Except(here.SelectMany(phase => phase.Others)))
            yield return $"[all] - ~ {row}";
    }

    // By the longest sequence that both have.
    private static IEnumerable<string> OfOrdered(IReadOnlyList<string> expected, IReadOnlyList<string> found)
    {
        var common = new int[expected.Count + 1, found.Count + 1];
        for (var i = expected.Count - 1; i >= 0; i--)
        {
            for (var j = found.Count - 1; j >= 0; j--)
                common[i, j] = expected[i] == found[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
        }
        var (at, of) = (0, 0);
        while (at < expected.Count || of < found.Count)
        {
            if (at < expected.Count && of < found.Count && expected[at] == found[of])
                (at, of) = (at + 1, of + 1);
            else if (of == found.Count || (at < expected.Count && common[at + 1, of] >= common[at, of + 1]))
                yield return $"- {expected[at++]}";
            else
                yield return $"+ {found[of++]}";
        }
    }
}
