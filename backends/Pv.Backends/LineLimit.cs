using System.Diagnostics;

namespace Pv.Backends;

/// <summary>
/// Keeps what a guest can cause from filling the log: so many lines at once, then one every few seconds, with the number of those that
/// were left out.
/// </summary>
/// <remarks>Any thread.</remarks>
public sealed class LineLimit(Action<string> write, int burst = 20, double secondsPerLine = 5)
{
    private readonly Lock _lock = new();
    private double _credit = burst;
    private long _last = Stopwatch.GetTimestamp();
    private int _omitted;

    public void Write(string line)
    {
        int omitted;
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            _credit = Math.Min(burst, _credit + (Stopwatch.GetElapsedTime(_last, now).TotalSeconds / secondsPerLine));
            _last = now;
            if (_credit < 1)
            {
                _omitted++;
                return;
            }
            _credit--;
            (omitted, _omitted) = (_omitted, 0);
        }
        write(omitted == 0 ? line : $"{line} ({omitted} lines before it were left out)");
    }
}
