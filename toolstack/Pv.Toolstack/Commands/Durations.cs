using System.Globalization;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>Times that options name.</summary>
internal static class Durations
{
    /// <summary>What a <c>CancellationTokenSource</c> can wait for, roughly.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(40);

    /// <summary>The exit code of a command whose time has run out: that of timeout(1).</summary>
    public const int TimedOut = 124;

    /// <summary><c>90</c>, <c>1.5s</c>, <c>250ms</c>, <c>2m</c>, <c>1h</c>; null for null.</summary>
    /// <exception cref="ToolstackException">It is no time.</exception>
    public static TimeSpan? Parse(string? word)
    {
        if (word == null)
            return null;
        var (unit, digits) = word switch
        {
            [.. var number, 'm', 's'] => (0.001, number),
            [.. var number, 's'] => (1, number),
            [.. var number, 'm'] => (60, number),
            [.. var number, 'h'] => (3600, number),
            _ => (1d, word),
        };
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || !(value * unit <= Longest.TotalSeconds))
            throw new ToolstackException($"'{word}' is no time: write seconds, or a number with ms, s, m or h, up to {Longest.TotalDays:0} days.", 2);
        return TimeSpan.FromSeconds(value * unit);
    }
}
