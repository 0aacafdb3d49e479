using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Output;

/// <summary>A logarithmic scale of times in nanoseconds: where each lies between 0 and 1, and which are written beside it.</summary>
/// <param name="low">The lowest time that must be on it, in nanoseconds.</param>
/// <param name="high">The highest.</param>
/// <param name="isCount">They are numbers of things instead.</param>
internal sealed class LogScale(double low, double high, bool isCount)
{
    private readonly double _bottom = Math.Log10(low / 1.15), _top = Math.Log10(high * 1.15);

    public double Place(double time) => (Math.Log10(Math.Max(time, 1e-3)) - _bottom) / (_top - _bottom);

    /// <summary>Powers of ten; on a short scale their doubles and halves, too.</summary>
    public IEnumerable<(double Place, string Word, bool IsPower)> Ticks()
    {
        double[] steps = _top - _bottom > 2.2 ? [1] : [1, 2, 5];
        for (var power = (int)Math.Floor(_bottom); power <= _top; power++)
        {
            foreach (var step in steps)
            {
                var time = step * Math.Pow(10, power);
                if (Place(time) is >= 0 and <= 1 and var place)
                    yield return (place, Word(time), step == 1);
            }
        }
    }

    private string Word(double value) => isCount ? value.ToString("N0", Numbers.Culture) : Time(value);

    private static string Time(double time) => time switch
    {
        >= 1e6 => $"{(time / 1e6).ToString("0.##", Numbers.Culture)} ms",
        >= 1e3 => $"{(time / 1e3).ToString("0.##", Numbers.Culture)} us",
        _ => $"{time.ToString("0.##", Numbers.Culture)} ns",
    };
}
