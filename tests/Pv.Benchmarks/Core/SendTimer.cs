using System.Diagnostics;

namespace Pv.Benchmarks.Core;

/// <summary>Times sends one by one, each made when the one before has been taken: what a send costs whose every line is in the other processor's cache.</summary>
internal static class SendTimer
{
    /// <summary>Nanoseconds of one of so many sends, without what looking at the clock costs. <paramref name="taken"/> counts up as they are taken.</summary>
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
}
