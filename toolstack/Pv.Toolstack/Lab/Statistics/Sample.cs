namespace Pv.Toolstack.Lab.Statistics;

/// <summary>
/// Times of rounds that several processes have measured. One process differs from the next, since its compiler took other decisions and its data came
/// to lie elsewhere; so what is said of all of them rests on one time of each, and what may be chance is found by drawing processes, too.
/// </summary>
/// <param name="Times">The times, process by process.</param>
/// <param name="Processes">How many, each with as many times.</param>
/// <param name="Share">
/// What stands for a process: the time below which this share of its rounds lies. Work that always takes the same is only ever made longer by what else
/// the machine does, so its least round (0) repeats best; of what waits, the middle one (0.5) says more.
/// </param>
public readonly record struct Sample(double[] Times, int Processes, double Share = 0.5)
{
    private int Rounds => Times.Length / Processes;

    /// <summary>The median of what stands for each process.</summary>
    public double Time => Quantile(OfProcesses(), 0.5);

    /// <summary>What stands for each process.</summary>
    internal double[] OfProcesses()
    {
        var each = new double[Processes];
        for (var process = 0; process < Processes; process++)
            each[process] = Quantile(Times.AsSpan(process * Rounds, Rounds).ToArray(), Share);
        return each;
    }

    /// <summary>The same of a sample as it could have come out: processes drawn from these, and of each rounds drawn from its own.</summary>
    internal double Redraw(Random random)
    {
        var (each, drawn) = (new double[Processes], new double[Rounds]);
        for (var process = 0; process < Processes; process++)
        {
            var from = Times.AsSpan(random.Next(Processes) * Rounds, Rounds);
            foreach (ref var one in drawn.AsSpan())
                one = from[random.Next(from.Length)];
            Array.Sort(drawn);
            each[process] = OfSorted(drawn, Share);
        }
        Array.Sort(each);
        return OfSorted(each, 0.5);
    }

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
}
