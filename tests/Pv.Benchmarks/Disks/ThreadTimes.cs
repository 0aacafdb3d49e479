using System.Globalization;

namespace Pv.Benchmarks.Disks;

/// <summary>What the threads of this process did until now, summed over those of one name (Linux; nothing elsewhere).</summary>
/// <param name="Processor">Processor time in nanoseconds, by the thread's name.</param>
/// <param name="Sleeps">How often a thread gave its processor up to wait: <c>voluntary_ctxt_switches</c> of all of them.</param>
internal sealed record ThreadTimes(IReadOnlyDictionary<string, long> Processor, long Sleeps)
{
    private const string Tasks = "/proc/self/task", SleepLine = "voluntary_ctxt_switches:";

    public static ThreadTimes Now()
    {
        var times = new Dictionary<string, long>();
        var sleeps = 0L;
        foreach (var folder in Directory.Exists(Tasks) ? Directory.GetDirectories(Tasks) : [])
        {
            try
            {
                var name = File.ReadAllText($"{folder}/comm").Trim();
                var time = long.Parse(File.ReadAllText($"{folder}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture);
                times[name] = times.GetValueOrDefault(name) + time;
                var line = File.ReadLines($"{folder}/status").First(line => line.StartsWith(SleepLine, StringComparison.Ordinal));
                sleeps += long.Parse(line[SleepLine.Length..], CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
                // A thread that ended meanwhile.
            }
        }
        return new ThreadTimes(times, sleeps);
    }

    /// <summary>Adds what happened between two times.</summary>
    public ThreadTimes Add(ThreadTimes from, ThreadTimes to)
    {
        var sum = new Dictionary<string, long>(Processor);
        foreach (var (name, time) in to.Processor)
            sum[name] = sum.GetValueOrDefault(name) + time - from.Processor.GetValueOrDefault(name);
        return new ThreadTimes(sum, Sleeps + to.Sleeps - from.Sleeps);
    }

    /// <summary>Microseconds a request, the busiest threads first.</summary>
    public string PerRequest(double requests) => string.Join(", ", Processor
        .Select(thread => (Name: thread.Key, Time: thread.Value / 1000.0 / requests))
        .Where(thread => thread.Time >= 0.01)
        .OrderByDescending(thread => thread.Time)
        .Select(thread => string.Create(CultureInfo.InvariantCulture, $"{thread.Name} {thread.Time:f2}")));
}
