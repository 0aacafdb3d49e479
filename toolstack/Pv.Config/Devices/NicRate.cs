namespace Pv.Config.Devices;

/// <summary>
/// The rate of a network interface: <c>^[0-9]+[GMK]?[Bb]/s(@[0-9]+[mu]?s?)?$</c>. Multiples are of 1000, <c>b</c> is
/// bits; the interval is 50 ms unless given, where a bare number is seconds.
/// </summary>
public static class NicRate
{
    private const uint DefaultIntervalMicroseconds = 50_000;

    /// <summary>Reads a rate. False if refused, with the reason reported; xl exits 1.</summary>
    public static bool TryParse(string text, string source, ConfigDiagnostics diagnostics, out ulong bytesPerInterval, out uint intervalMicroseconds)
    {
        bytesPerInterval = 0;
        intervalMicroseconds = DefaultIntervalMicroseconds;
        int at = text.IndexOf('@');
        string rate = at < 0 ? text : text[..at];
        if (rate.Length == 0)
            return Fail("no rate specified", text);

        int digits = Digits(rate);
        ReadOnlySpan<char> unit = rate.AsSpan(digits);
        ReadOnlySpan<char> plain = unit is ['G' or 'M' or 'K', ..] ? unit[1..] : unit;
        if (digits == 0 || plain is not (['B' or 'b', '/', 's']))
            return Fail("invalid rate", rate);

        ulong bytes = CNumber.ParseUnsigned(rate, 0, out int used);
        if (bytes is 0 or > uint.MaxValue)
            return Fail("rate overflow", rate);
        unit = rate.AsSpan(used);
        bytes *= unit[0] switch { 'G' => 1_000_000_000, 'M' => 1_000_000, 'K' => 1000, _ => 1UL };
        if (unit[0] == 'b' || unit[1] == 'b')
            bytes /= 8;

        if (at >= 0 && !TryInterval(text[(at + 1)..], out intervalMicroseconds))
            return false;
        if (bytes > ulong.MaxValue / intervalMicroseconds)
            return Fail("rate overflow", text);
        bytesPerInterval = bytes * intervalMicroseconds / 1_000_000;
        return true;

        bool TryInterval(string interval, out uint microseconds)
        {
            microseconds = 0;
            int count = Digits(interval);
            if (count == 0 || interval[count..] is not ("" or "s" or "m" or "ms" or "u" or "us"))
                return Fail("invalid replenishment interval", interval);

            ulong value = CNumber.ParseUnsigned(interval, 0, out int read);
            ulong scale = interval.AsSpan(read) switch { "" or "s" => 1_000_000UL, ['m', ..] => 1000, _ => 1 };
            if (value is 0 or > uint.MaxValue || value * scale > uint.MaxValue)
                return Fail("replenishment interval overflow", interval);
            microseconds = (uint)(value * scale);
            return true;
        }

        bool Fail(string problem, string near)
        {
            diagnostics.Report($"{source}: config parsing error in vif: {problem} in `{near}'");
            return false;
        }
    }

    private static int Digits(string text)
    {
        int count = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        return count < 0 ? text.Length : count;
    }
}
