using System.Text;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>A text line by line, of which none may be longer than so many characters.</summary>
internal sealed class BoundedLines(TextReader reader, int longest)
{
    private readonly StringBuilder _line = new();
    private readonly char[] _chunk = new char[1 << 14];
    private int _at, _end;

    /// <summary>The next line; null at the end.</summary>
    /// <exception cref="FormatException">It is too long.</exception>
    public string? Read()
    {
        _line.Clear();
        while (true)
        {
            if (_at == _end)
            {
                (_at, _end) = (0, reader.Read(_chunk, 0, _chunk.Length));
                if (_end == 0)
                    return _line.Length > 0 ? Take() : null;
            }
            var rest = _chunk.AsSpan(_at.._end);
            var length = rest.IndexOf('\n');
            _line.Append(length < 0 ? rest : rest[..length]);
            _at += length < 0 ? rest.Length : length + 1;
            if (_line.Length > longest)
                throw new FormatException($"it has more than {longest} characters");
            if (length >= 0)
                return Take();
        }
    }

    private string Take() => _line.Length > 0 && _line[^1] == '\r' ? _line.ToString(0, _line.Length - 1) : _line.ToString();
}
