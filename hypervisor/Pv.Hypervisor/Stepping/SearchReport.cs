namespace Pv.Hypervisor.Stepping;

/// <summary>What a search has found so far.</summary>
public sealed class SearchReport
{
    private readonly HashSet<string> _traces = [];
    private readonly HashSet<ulong> _interleavings = [];
    private readonly List<(ulong Seed, string Reason)> _failures = [];

    /// <summary>How many seeds ran.</summary>
    public ulong Seeds { get; private set; }

    /// <summary>How many different traces there were.</summary>
    public int Traces => _traces.Count;

    /// <summary>How many different interleavings there were: many lead to the same trace.</summary>
    public int Interleavings => _interleavings.Count;

    /// <summary>The hypercalls of all seeds.</summary>
    public ulong Calls { get; private set; }

    /// <summary>How often the turn changed, in all seeds.</summary>
    public ulong Changes { get; private set; }

    /// <summary>The seeds that failed, and why.</summary>
    public IReadOnlyList<(ulong Seed, string Reason)> Failures => _failures;

    internal void Add(SeedRun run)
    {
        Seeds++;
        Calls += (ulong)run.Trace.Count;
        Changes += run.Changes;
        _traces.Add(run.Trace.Hash);
        _interleavings.Add(run.Interleaving);
        if (run.Failure is not null)
            _failures.Add((run.Seed, run.Failure));
    }
}
