namespace Pv.Config;

/// <summary>
/// What a parse had to say: the lines that xl prints on its error output, in order and without the newline.
/// Not thread-safe; one parse uses one.
/// </summary>
public sealed class ConfigDiagnostics
{
    private readonly List<string> _lines = [];
    private readonly List<ConfigPosition> _positions = [];

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Of each line the value that was looked at last, which need not be the one that it is about.</summary>
    public IReadOnlyList<ConfigPosition> Positions => _positions;

    /// <summary>The value that is looked at.</summary>
    internal ConfigPosition At { get; set; }

    public void Report(string line)
    {
        _lines.Add(line);
        _positions.Add(At);
    }
}
