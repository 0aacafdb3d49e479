namespace Pv.Toolstack.Lab.Statistics;

/// <summary>What a row of measurements says: places in their order, since means say little where a machine is shared.</summary>
public static class Sample
{
    public static double Median(IReadOnlyCollection<double> values) => Quantile(values, 0.5);

    /// <summary>The value below which that share of them lies, between neighbours in proportion. Not a number where there are none.</summary>
    public static double Quantile(IReadOnlyCollection<double> values, double share)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return OfSorted(sorted, share);
    }

    /// <summary>As <see cref="Quantile"/>, of values in ascending order.</summary>
    public static double OfSorted(ReadOnlySpan<double> sorted, double share)
    {
        if (sorted.IsEmpty)
            return double.NaN;
        var place = share * (sorted.Length - 1);
        var below = (int)place;
        return below + 1 >= sorted.Length ? sorted[^1] : sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below]));
    }

    /// <summary>A row of as many values, each drawn from all of them, in ascending order.</summary>
    internal static void Redraw(ReadOnlySpan<double> values, Span<double> into, Random random)
    {
        foreach (ref var drawn in into)
            drawn = values[random.Next(values.Length)];
        into.Sort();
    }
}
