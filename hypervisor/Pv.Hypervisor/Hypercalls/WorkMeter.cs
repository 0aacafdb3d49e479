namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// Counts what long operations do between two looks at whether the pCPU is wanted: elements, entries and frames handled, and bytes moved. A test sets
/// one (<see cref="HypervisorCore.Meter"/>); otherwise there is none, and a count costs a look at a field.
/// </summary>
/// <remarks>One thread.</remarks>
internal sealed class WorkMeter
{
    private int _entries, _bytes;

    /// <summary>The most of one stretch so far.</summary>
    public int MostEntries { get; private set; }

    public int MostBytes { get; private set; }

    /// <summary>How many looks there were.</summary>
    public int Looks { get; private set; }

    public void Count(int entries) => _entries += entries;

    public void CountBytes(int bytes) => _bytes += bytes;

    /// <summary>A stretch is at its end: somebody looked, or a call began or ended.</summary>
    public void Look()
    {
        MostEntries = Math.Max(MostEntries, _entries);
        MostBytes = Math.Max(MostBytes, _bytes);
        (_entries, _bytes) = (0, 0);
        Looks++;
    }

    /// <summary>Forgets everything.</summary>
    public void Reset() => (_entries, _bytes, MostEntries, MostBytes, Looks) = (0, 0, 0, 0, 0);
}
