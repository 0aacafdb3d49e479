namespace Pv.Hypervisor.Auditing;

/// <summary>What an audit found wrong: the first few findings in words, and how many things were looked at.</summary>
internal sealed class AuditFindings
{
    /// <summary>Findings kept in words: one fault shows in many places, and the first is the nearest to it.</summary>
    private const int MostInWords = 16;

    private readonly List<string> _words = [];

    /// <summary>How many findings there are, those that are not kept in words too.</summary>
    public int Count { get; private set; }

    /// <summary>The first of them.</summary>
    public IReadOnlyList<string> Words => _words;

    /// <summary>Frames, table entries, ports, grants and maps that were looked at.</summary>
    public ulong Looked { get; set; }

    public bool AreNone => Count == 0;

    public void Add(string finding)
    {
        Count++;
        if (_words.Count < MostInWords)
            _words.Add(finding);
    }

    public void Clear()
    {
        _words.Clear();
        (Count, Looked) = (0, 0);
    }

    public override string ToString() => AreNone ? "nothing wrong" : $"{Count} findings\n{string.Join('\n', _words)}";
}
