using System.Globalization;

namespace Pv.Benchmarks.Host;

/// <summary>This process's own resident memory: not the machine's frames, which are a memory file.</summary>
internal static class ResidentMemory
{
    /// <summary>In KiB, after the garbage collector has given back what it can.</summary>
    public static long OwnKiB()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
        var line = File.ReadLines("/proc/self/status").First(text => text.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
