namespace Pv.Toolstack.Lab.Statistics;

/// <summary>How one row of measurements stands to an older one: the ratio of the medians, with the bounds between which it lies with 99 % confidence.</summary>
/// <param name="Ratio">New by old.</param>
/// <param name="Low">The lower bound.</param>
/// <param name="High">The upper bound.</param>
public readonly record struct Change(double Ratio, double Low, double High)
{
    /// <summary>Less than this is no change worth the name, whatever it comes from.</summary>
    public const double Noise = 0.05;

    private const int Draws = 2000;
    private const double Outside = 0.005;

    /// <summary>What can be said: all of the interval lies beyond what is noise.</summary>
    public ChangeVerdict Verdict => Low > 1 + Noise ? ChangeVerdict.Slower : High < 1 - Noise ? ChangeVerdict.Faster : ChangeVerdict.None;

    /// <summary>Bootstraps: draws both samples anew many times, and looks at what the ratio of their medians does.</summary>
    /// <param name="before">The older measurements.</param>
    /// <param name="after">The newer ones.</param>
    /// <param name="seed">Of the draws; the same one gives the same bounds.</param>
    public static Change Between(Sample before, Sample after, int seed)
    {
        var random = new Random(seed);
        var ratios = new double[Draws];
        for (var i = 0; i < Draws; i++)
            ratios[i] = after.Redraw(random) / before.Redraw(random);
        Array.Sort(ratios);
        return new Change(after.Time / before.Time, Sample.OfSorted(ratios, Outside), Sample.OfSorted(ratios, 1 - Outside));
    }

    /// <summary>"faster by 12 % (9..15)", "slower by 30 % (25..36)", or "no change seen".</summary>
    public override string ToString() => Verdict switch
    {
        ChangeVerdict.Faster => string.Create(Numbers.Culture, $"faster by {100 * (1 - Ratio):f0} % ({100 * (1 - High):f0}..{100 * (1 - Low):f0})"),
        ChangeVerdict.Slower => string.Create(Numbers.Culture, $"slower by {100 * (Ratio - 1):f0} % ({100 * (Low - 1):f0}..{100 * (High - 1):f0})"),
        _ => "no change seen",
    };
}

/// <summary>What a comparison says.</summary>
public enum ChangeVerdict
{
    /// <summary>The difference, if there is one, is smaller than what can be told from noise.</summary>
    None,
    Faster,
    Slower,
}
