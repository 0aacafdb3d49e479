namespace Pv.Config;

/// <summary>
/// What a parse had to say: the lines that xl prints on its error output, in order and without the newline.
/// Not thread-safe; one parse uses one.
/// </summary>
public sealed class ConfigDiagnostics
{
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines => _lines;

    public void Report(string line) => _lines.Add(line);
}
