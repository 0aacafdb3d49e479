using System.Globalization;
using Pv.Abi;

namespace Pv.Tests.Fuzzing;

/// <summary>What calls came to: how often each kind ended how, and what the slowest and the hungriest cost. One thread's; summed up afterwards.</summary>
internal sealed class FuzzStatistics
{
    private const int Errors = 128, Statuses = 16, Crashed = Errors + Statuses, Vectors = Crashed + 1, Outcomes = Vectors + 32;

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

    /// <summary>Instructions of guests that trapped.</summary>
    public long Traps { get; private set; }

    /// <summary>Programs of machine code that guests ran to their end, and those that had to be given up.</summary>
    public long Programs { get; set; }

    public long Lost { get; set; }

    /// <summary>Translations that vCPUs held and that led where they may, and loads, stores and changed code that did on a machine that stands still what they should.</summary>
    public long Translations { get; set; }

    public long Probes { get; set; }

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

    /// <summary>An instruction of a guest's that trapped: the vector that the guest got, or null when the hypervisor did it.</summary>
    public void NoteTrap(int label, byte? vector)
    {
        Traps++;
        _counts[label * Outcomes + (vector is { } number ? Vectors + (number & 31) : 0)]++;
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
        Traps += other.Traps;
        Programs += other.Programs;
        Lost += other.Lost;
        Translations += other.Translations;
        Probes += other.Probes;
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

    /// <summary>What was done, by name.</summary>
    public IEnumerable<(string Name, long Sum)> Sums() =>
    [
        ("calls", Calls), ("refused", Refused), ("continued", Continued), ("stores", Stores), ("audits of everything", Audits),
        ("refusals after which the accounts were compared", RefusalChecks), ("domains ended", Ends),
        ("instructions that trapped", Traps), ("programs of machine code", Programs), ("programs given up", Lost), ("translations looked at", Translations), ("loads, stores and changed code compared", Probes),
    ];

    /// <summary>The most bytes that one call of each kind allocated.</summary>
    public IEnumerable<(string Call, long Bytes)> Hungriest()
        => Enumerable.Range(0, _mostBytes.Length).Where(i => _mostBytes[i] > 0).GroupBy(FuzzLabels.NameOf, (call, labels) => (call, labels.Max(i => _mostBytes[i])));

    public string Report(TimeSpan took)
    {
        var slowest = Enumerable.Range(0, _mostTicks.Length).OrderByDescending(i => _mostTicks[i]).Take(4);
        var hungriest = Hungriest().OrderByDescending(one => one.Bytes).Take(4);
        return string.Join('\n',
            string.Join(", ", Sums().Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Name} {one.Sum}"))),
            string.Create(CultureInfo.InvariantCulture, $"pairs {Pairs().Count}, seconds {took.TotalSeconds:F1}, calls a second {Calls / Math.Max(took.TotalSeconds, 1e-9):F0}"),
            $"slowest, us: {string.Join(", ", slowest.Select(i => string.Create(CultureInfo.InvariantCulture, $"{FuzzLabels.NameOf(i)} {_mostTicks[i] * 1e6 / System.Diagnostics.Stopwatch.Frequency:F0}")))}",
            $"most allocated, bytes: {string.Join(", ", hungriest.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Call} {one.Bytes}")))}",
            "");
    }

    private static string NameOf(int outcome) => outcome switch
    {
        0 => "done",
        Crashed => "crash by rule",
        >= Vectors => $"vector {outcome - Vectors}",
        < Errors => ((Errno)outcome).ToString(),
        _ => ((GrantStatus)(Errors - outcome)).ToString(),
    };
}
