using System.Diagnostics;

namespace Pv.Benchmarks.Core;

/// <summary>Times sends.</summary>
internal static class SendTimer
{
    /// <summary>
    /// Nanoseconds of one of so many sends, each made when the one before has been taken, so that its lines are in the other processor's cache;
    /// without what looking at the clock costs. <paramref name="taken"/> counts up as they are taken.
    /// </summary>
    public static double Measure(int count, ref int taken, Action send)
    {
        var (sending, looking) = (0L, 0L);
        for (var i = 0; i < count; i++)
        {
            var before = Volatile.Read(ref taken);
            var start = Stopwatch.GetTimestamp();
            send();
            var end = Stopwatch.GetTimestamp();
            looking += Stopwatch.GetTimestamp() - end;
            sending += end - start;
            while (Volatile.Read(ref taken) == before)
                Thread.SpinWait(1);
        }
        return (sending - looking) * 1e9 / Stopwatch.Frequency / count;
    }

    /// <summary>Nanoseconds of one of so many sends, one right after the other.</summary>
    public static double MeasureRow(int count, Action send)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
            send();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
    }
}
