namespace Pv.Toolstack.Lab.Statistics;

/// <summary>What a batch of n operations takes for each of them, as two costs: t(n) = each + shared / n. In nanoseconds.</summary>
/// <param name="Each">What every operation costs, however many there are.</param>
/// <param name="Shared">What a batch costs once.</param>
public readonly record struct SharedCost(double Each, double Shared)
{
    // Shared by each, in eighths of an octave: less shared than a sixteenth of one operation is nothing, and more than 2^14 of them no batch shows.
    private const int StepsAnOctave = 8, LeastOctave = -4, MostOctave = 14;

    private static readonly double[] Ratios = [.. Enumerable.Range(0, ((MostOctave - LeastOctave) * StepsAnOctave) + 1).Select(step => Math.Pow(2, LeastOctave + ((double)step / StepsAnOctave)))];

    /// <summary>What one operation takes in a batch of so many.</summary>
    public double TimeOf(int batch) => Each + (Shared / batch);

    /// <summary>From which size of a batch on the rest of what is shared is within so much of what each operation costs.</summary>
    public double BatchWithin(double share) => Shared / (share * Each);

    /// <summary>
    /// Finds the two for a whole curve: those from which its times are least far away, by factors and not by their squares, so that all sizes have a say
    /// and one that is out of line has little.
    /// </summary>
    /// <param name="sizes">The sizes of batches.</param>
    /// <param name="times">What one operation took in each.</param>
    public static SharedCost Fit(ReadOnlySpan<int> sizes, ReadOnlySpan<double> times)
    {
        Span<double> logarithms = stackalloc double[sizes.Length], rest = stackalloc double[sizes.Length], sorted = stackalloc double[sizes.Length];
        for (var i = 0; i < sizes.Length; i++)
            logarithms[i] = Math.Log(times[i]);
        var (best, least) = (default(SharedCost), double.PositiveInfinity);
        foreach (var ratio in Ratios)
        {
            for (var i = 0; i < sizes.Length; i++)
                rest[i] = logarithms[i] - Math.Log(1 + (ratio / sizes[i]));
            rest.CopyTo(sorted);
            sorted.Sort();
            var middle = Sample.OfSorted(sorted, 0.5);
            var distance = 0.0;
            foreach (var one in rest)
                distance += Math.Abs(one - middle);
            if (distance >= least)
                continue;
            least = distance;
            best = new SharedCost(Math.Exp(middle), ratio * Math.Exp(middle));
        }
        return best;
    }
}
