using System.Globalization;

namespace Pv.Toolstack.Lab.Statistics;

/// <summary>Numbers as the lab prints them.</summary>
public static class Numbers
{
    public static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>A time in nanoseconds with three digits and its unit: "27.3 ns", "1.24 us".</summary>
    public static string Time(double nanoseconds) => nanoseconds switch
    {
        >= 1e9 => $"{Digits(nanoseconds / 1e9)} s",
        >= 1e6 => $"{Digits(nanoseconds / 1e6)} ms",
        >= 1e3 => $"{Digits(nanoseconds / 1e3)} us",
        _ => $"{Digits(nanoseconds)} ns",
    };

    /// <summary>Three digits that count.</summary>
    public static string Digits(double value) => Math.Abs(value) switch
    {
        >= 100 => value.ToString("f0", Culture),
        >= 10 => value.ToString("f1", Culture),
        _ => value.ToString("f2", Culture),
    };

    /// <summary>A number of things for each operation: as short as it can be said.</summary>
    public static string Each(double value) => value == Math.Floor(value) ? value.ToString("f0", Culture) : value.ToString(value < 1 ? "0.####" : "0.##", Culture);
}
