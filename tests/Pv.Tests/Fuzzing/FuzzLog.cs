using System.Globalization;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// What runs of the fuzzer came to, in a file that further runs are added to: a line a run, then sums of what was done, then how often each
/// call had each outcome. Fields are divided by tabs.
/// </summary>
internal sealed class FuzzLog
{
    private readonly SortedSet<string> _runs = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _sums = new(StringComparer.Ordinal), _most = new(StringComparer.Ordinal);
    private readonly SortedDictionary<(string Call, string Outcome), long> _pairs = [];

    public static FuzzLog Of(FuzzStatistics statistics, string run)
    {
        var log = new FuzzLog();
        log._runs.Add(run);
        foreach (var (name, sum) in statistics.Sums())
            log._sums[name] = sum;
        foreach (var (pair, count) in statistics.Pairs())
            log._pairs[pair] = count;
        foreach (var (call, bytes) in statistics.Hungriest())
            log._most[call] = bytes;
        return log;
    }

    public static FuzzLog Read(string path)
    {
        var log = new FuzzLog();
        foreach (var line in File.ReadLines(path))
        {
            var fields = line.Split('\t');
            switch (fields[0])
            {
                case "run":
                    log._runs.Add(line[4..]);
                    break;
                case "sum":
                    log._sums[fields[1]] = Number(fields[2]);
                    break;
                case "bytes":
                    log._most[fields[1]] = Number(fields[2]);
                    break;
                case "pair":
                    log._pairs[(fields[1], fields[2])] = Number(fields[3]);
                    break;
                default:
                    throw new InvalidDataException($"{path}: no line of a log begins with '{fields[0]}'.");
            }
        }
        return log;
    }

    /// <summary>Adds another log, unless it tells of a run that is counted already.</summary>
    public void Add(FuzzLog other)
    {
        if (_runs.Overlaps(other._runs))
            throw new InvalidDataException($"The run '{_runs.Intersect(other._runs).First()}' is in both logs.");
        _runs.UnionWith(other._runs);
        foreach (var (name, sum) in other._sums)
            _sums[name] = _sums.GetValueOrDefault(name) + sum;
        foreach (var (pair, count) in other._pairs)
            _pairs[pair] = _pairs.GetValueOrDefault(pair) + count;
        foreach (var (call, bytes) in other._most)
            _most[call] = Math.Max(_most.GetValueOrDefault(call), bytes);
    }

    /// <summary>Writes the log; a reader sees the old one or the new one.</summary>
    public void Write(string path)
    {
        var lines = _runs.Select(run => $"run\t{run}")
            .Concat(_sums.Select(sum => string.Create(CultureInfo.InvariantCulture, $"sum\t{sum.Key}\t{sum.Value}")))
            .Concat(_most.Select(most => string.Create(CultureInfo.InvariantCulture, $"bytes\t{most.Key}\t{most.Value}")))
            .Concat(_pairs.Select(pair => string.Create(CultureInfo.InvariantCulture, $"pair\t{pair.Key.Call}\t{pair.Key.Outcome}\t{pair.Value}")));
        var fresh = path + ".new";
        File.WriteAllLines(fresh, lines);
        File.Move(fresh, path, overwrite: true);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
