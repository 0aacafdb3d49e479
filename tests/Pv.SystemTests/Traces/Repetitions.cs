namespace Pv.SystemTests.Traces;

/// <summary>Rows without their repetitions: how often a kernel goes round a loop depends on its memory, its build and its initramfs.</summary>
internal static class Repetitions
{
    private const int LongestLoop = 12;

    /// <summary>Says each loop once, short loops first, so that loops of loops fold, too.</summary>
    public static List<string> Fold(IEnumerable<string> rows)
    {
        var folded = rows.ToList();
        int before;
        do
        {
            before = folded.Count;
            for (var length = 1; length <= LongestLoop; length++)
                folded = Fold(folded, length);
        }
        while (folded.Count < before);
        return folded;
    }

    private static List<string> Fold(List<string> rows, int length)
    {
        var folded = new List<string>(rows.Count);
        foreach (var row in rows)
        {
            folded.Add(row);
            if (EndsWithLoop(folded, length))
                folded.RemoveRange(folded.Count - length, length);
        }
        return folded;
    }

    // Whether the last rows repeat those before them.
    private static bool EndsWithLoop(List<string> rows, int length)
    {
        if (rows.Count < 2 * length)
            return false;
        for (var i = rows.Count - length; i < rows.Count; i++)
        {
            if (rows[i] != rows[i - length])
                return false;
        }
        return true;
    }
}
