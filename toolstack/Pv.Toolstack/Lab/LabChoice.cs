namespace Pv.Toolstack.Lab;

/// <summary>What a user names out of what there is.</summary>
internal static class LabChoice
{
    /// <summary>All of <paramref name="known"/> when nothing is named.</summary>
    /// <exception cref="FormatException">A name is none of them.</exception>
    public static IReadOnlyList<T> Of<T>(string what, IReadOnlyList<string> names, IReadOnlyList<T> known, Func<T, string> name)
    {
        if (names.Count == 0)
            return known;
        foreach (var wanted in names)
        {
            if (!known.Any(one => name(one) == wanted))
                throw new FormatException($"There is no {what} '{wanted}' here: {string.Join(", ", known.Select(name))}.");
        }
        return [.. known.Where(one => names.Contains(name(one)))];
    }
}
