using System.Globalization;
using System.Text;
using Pv.Abi;

namespace Pv.Tests.Fuzzing;

/// <summary>What calls came to: how often each kind ended how, and what the slowest and the hungriest cost. One thread's; summed up afterwards.</summary>
internal sealed class FuzzStatistics
{
    private const int Errors = 128, Statuses = 16, Outcomes = Errors + Statuses + 1, Crashed = Errors + Statuses;

    private readonly long[] _counts = new long[FuzzLabels.Count * Outcomes];
    private readonly long[] _mostTicks = new long[FuzzLabels.Count], _mostBytes = new long[FuzzLabels.Count];

    public long Calls { get; private set; }

    public long Refused { get; private set; }

    /// <summary>Calls that were stopped in the middle and went on.</summary>
    public long Continued { get; set; }

    /// <summary>Audits of everything.</summary>
    public long Audits { get; set; }

    /// <summary>Refusals after which all accounts were found to be what they were before.</summary>
    public long RefusalChecks { get; set; }

    /// <summary>Domains that were destroyed with nothing left behind.</summary>
    public long Ends { get; set; }

    /// <summary>Writes of guests by themselves: page-table words, grant entries, arguments under the reader.</summary>
    public long Stores { get; set; }

    public void Note(int label, long result, GrantStatus status)
    {
        Calls++;
        var outcome = result is < 0 and > -Errors ? (int)-result : result >= 0 && status < 0 && status > (GrantStatus)(-Statuses) ? Errors - (int)status : 0;
        if (outcome != 0)
            Refused++;
        _counts[label * Outcomes + outcome]++;
    }

    public void NoteCrash(int label)
    {
        Calls++;
        _counts[label * Outcomes + Crashed]++;
    }

    public void NoteCost(int label, long ticks, long bytes)
    {
        if (ticks > _mostTicks[label])
            _mostTicks[label] = ticks;
        if (bytes > _mostBytes[label])
            _mostBytes[label] = bytes;
    }

    public void Add(FuzzStatistics other)
    {
        Calls += other.Calls;
        Refused += other.Refused;
        Continued += other.Continued;
        Audits += other.Audits;
        RefusalChecks += other.RefusalChecks;
        Ends += other.Ends;
        Stores += other.Stores;
        for (var i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        for (var i = 0; i < _mostTicks.Length; i++)
            NoteCost(i, other._mostTicks[i], other._mostBytes[i]);
    }

    /// <summary>The pairs (call, outcome) that were reached, with how often, by call.</summary>
    public IReadOnlyDictionary<(string Call, string Outcome), long> Pairs()
    {
        var pairs = new SortedDictionary<(string, string), long>();
        for (var i = 0; i < _counts.Length; i++)
        {
            if (_counts[i] == 0)
                continue;
            var key = (FuzzLabels.NameOf(i / Outcomes), NameOf(i % Outcomes));
            pairs[key] = pairs.GetValueOrDefault(key) + _counts[i];
        }
        return pairs;
    }

    /// <summary>The slowest kinds of calls, in microseconds, and those that allocated most, in bytes; a call each.</summary>
    public (IReadOnlyList<(string Call, double Microseconds)> Slowest, IReadOnlyList<(string Call, long Bytes)> Hungriest) Extremes(int count) => (
        [.. Enumerable.Range(0, _mostTicks.Length).OrderByDescending(i => _mostTicks[i]).Take(count)
            .Select(i => (FuzzLabels.NameOf(i), _mostTicks[i] * 1e6 / System.Diagnostics.Stopwatch.Frequency))],
        [.. Enumerable.Range(0, _mostBytes.Length).OrderByDescending(i => _mostBytes[i]).Take(count).Select(i => (FuzzLabels.NameOf(i), _mostBytes[i]))]);

    public string Report(TimeSpan took)
    {
        var text = new StringBuilder();
        var pairs = Pairs();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"calls {Calls}, refused {Refused}, continued {Continued}, stores {Stores}, audits {Audits}, refusals checked {RefusalChecks}, domains ended {Ends}, pairs {pairs.Count}");
        text.AppendLine(CultureInfo.InvariantCulture, $"seconds {took.TotalSeconds:F1}, calls a second {Calls / Math.Max(took.TotalSeconds, 1e-9):F0}");
        var (slowest, hungriest) = Extremes(5);
        text.AppendLine(CultureInfo.InvariantCulture, $"slowest, us: {string.Join(", ", slowest.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Call} {one.Microseconds:F0}")))}");
        text.AppendLine(CultureInfo.InvariantCulture, $"most allocated, bytes: {string.Join(", ", hungriest.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Call} {one.Bytes}")))}");
        return text.ToString();
    }

    public string PairTable()
    {
        var text = new StringBuilder();
        foreach (var call in Pairs().GroupBy(pair => pair.Key.Call))
            text.AppendLine(CultureInfo.InvariantCulture, $"{call.Key}: {string.Join(", ", call.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key.Outcome} {pair.Value}")))}");
        return text.ToString();
    }

    private static string NameOf(int outcome) => outcome switch
    {
        0 => "done",
        Crashed => "crash by rule",
        < Errors => ((Errno)outcome).ToString(),
        _ => ((GrantStatus)(Errors - outcome)).ToString(),
    };
}
