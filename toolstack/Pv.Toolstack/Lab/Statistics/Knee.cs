namespace Pv.Toolstack.Lab.Statistics;

/// <summary>
/// Where a curve of times over batch sizes stops paying: about the smallest batch from which on larger ones save less than <see cref="Tolerance"/> more.
/// It follows from the two costs that fit the whole curve best, so that it rests on every measurement and not on those at its ends.
/// </summary>
/// <param name="Batch">The batch: the one of the measured sizes that is nearest to it.</param>
/// <param name="Low">The same of the redraws of the measurements but for one in twenty: the smallest.</param>
/// <param name="High">The largest likewise.</param>
/// <param name="Time">What was measured there, in nanoseconds.</param>
/// <param name="Least">What the largest takes by the two costs.</param>
public readonly record struct Knee(int Batch, int Low, int High, double Time, double Least)
{
    /// <summary>What is nearer than this to the least time is as good.</summary>
    public const double Tolerance = 0.10;

    private const int Draws = 200;

    /// <summary>The measurements leave more open than which of two neighbouring sizes it is.</summary>
    public bool IsOpen => High > 2 * Low;

    /// <param name="curve">The measurements for each batch size, in ascending order of the sizes.</param>
    /// <param name="seed">Of the redraws.</param>
    public static Knee Of(IReadOnlyList<(int Batch, Sample Times)> curve, int seed)
    {
        var random = new Random(seed);
        int[] sizes = [.. curve.Select(point => point.Batch)];
        double[] times = [.. curve.Select(point => point.Times.Time)], drawn = new double[sizes.Length];
        var found = new int[Draws];
        for (var draw = 0; draw < Draws; draw++)
        {
            for (var i = 0; i < drawn.Length; i++)
                drawn[i] = curve[i].Times.Redraw(random);
            found[draw] = sizes[Place(sizes, SharedCost.Fit(sizes, drawn))];
        }
        Array.Sort(found);
        var cost = SharedCost.Fit(sizes, times);
        var place = Place(sizes, cost);
        return new Knee(sizes[place], Math.Min(sizes[place], found[Draws / 20]), Math.Max(sizes[place], found[Draws - 1 - (Draws / 20)]), times[place], cost.TimeOf(sizes[^1]));
    }

    /// <summary>"32", or "32 (16..64)" where the measurements leave that open.</summary>
    public override string ToString() => Low == High ? $"{Batch}" : $"{Batch} ({Low}..{High})";

    /// <summary>The nearest by its ratio: sizes are powers of two.</summary>
    private static int Place(int[] sizes, SharedCost cost)
    {
        var wanted = Math.Max(1, cost.BatchWithin(Tolerance));
        return Enumerable.Range(0, sizes.Length).MinBy(place => Math.Abs(Math.Log(sizes[place] / wanted)));
    }
}
