namespace Pv.Toolstack.Lab.Statistics;

/// <summary>
/// Where a curve of times over batch sizes stops paying: the smallest batch from which on larger ones save less than <see cref="Tolerance"/> more.
/// It is looked for on the falling curve that is nearest to the medians, so that one measurement out of line moves nothing.
/// </summary>
/// <param name="Batch">The batch that most redraws of the measurements find.</param>
/// <param name="Low">The smallest but for one redraw in twenty.</param>
/// <param name="High">The largest likewise.</param>
/// <param name="Time">The falling curve's time there, in nanoseconds.</param>
/// <param name="Least">Its time at the end: what no batch undercuts.</param>
public readonly record struct Knee(int Batch, int Low, int High, double Time, double Least)
{
    /// <summary>What is nearer than this to the least time is as good.</summary>
    public const double Tolerance = 0.10;

    private const int Draws = 400;

    /// <param name="curve">The measurements for each batch size, in ascending order of the sizes.</param>
    /// <param name="seed">Of the redraws.</param>
    public static Knee Of(IReadOnlyList<(int Batch, Sample Times)> curve, int seed)
    {
        var random = new Random(seed);
        var medians = new double[curve.Count];
        var found = new int[Draws];
        for (var draw = 0; draw < Draws; draw++)
        {
            for (var i = 0; i < curve.Count; i++)
                medians[i] = curve[i].Times.Redraw(random);
            found[draw] = curve[Place(Fall(medians))].Batch;
        }
        Array.Sort(found);
        var batch = found.GroupBy(one => one).MaxBy(group => group.Count())!.Key;
        var falling = Fall([.. curve.Select(point => point.Times.Median)]);
        return new Knee(batch, found[Draws / 20], found[Draws - 1 - (Draws / 20)], falling[curve.Index().First(point => point.Item.Batch == batch).Index], falling[^1]);
    }

    /// <summary>The first place of a falling curve from which on little is saved.</summary>
    public static int Place(ReadOnlySpan<double> falling)
    {
        var place = 0;
        while (falling[place] > falling[^1] * (1 + Tolerance))
            place++;
        return place;
    }

    /// <summary>
    /// The curve that never rises and is nearest to these times, by the squares of their logarithms, once single ones out of line are pulled into
    /// it: neighbours that rise are replaced by their common mean until none does (pool adjacent violators).
    /// </summary>
    public static double[] Fall(ReadOnlySpan<double> times)
    {
        var pools = new Stack<(double Mean, int Count)>();
        foreach (var time in Straighten(times))
        {
            var pool = (Mean: time, Count: 1);
            while (pools.TryPeek(out var before) && before.Mean <= pool.Mean)
            {
                pools.Pop();
                pool = (((before.Mean * before.Count) + (pool.Mean * pool.Count)) / (before.Count + pool.Count), before.Count + pool.Count);
            }
            pools.Push(pool);
        }
        return [.. pools.Reverse().SelectMany(pool => Enumerable.Repeat(Math.Exp(pool.Mean), pool.Count))];
    }

    /// <summary>
    /// The logarithms, each the median of itself and its neighbours, which leaves a falling curve as it is; the last one's second neighbour is
    /// where the curve would go on from those before it (Tukey's rule for ends).
    /// </summary>
    private static double[] Straighten(ReadOnlySpan<double> times)
    {
        var logarithms = new double[times.Length];
        for (var i = 0; i < times.Length; i++)
            logarithms[i] = Math.Log(times[i]);
        var straight = logarithms.ToArray();
        for (var i = 1; i < straight.Length - 1; i++)
            straight[i] = Middle(logarithms[i - 1], logarithms[i], logarithms[i + 1]);
        if (straight.Length > 2)
            straight[^1] = Middle(logarithms[^1], straight[^2], (3 * straight[^2]) - (2 * straight[^3]));
        return straight;
    }

    private static double Middle(double a, double b, double c) => Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));

    /// <summary>"32", or "32 (16..64)" where the measurements leave that open.</summary>
    public override string ToString() => Low == High ? $"{Batch}" : $"{Batch} ({Low}..{High})";
}
