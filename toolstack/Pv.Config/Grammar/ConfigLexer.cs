namespace Pv.Config.Grammar;

/// <summary>
/// The tokens of a configuration file (xl.cfg(5)), with the line accounting of xl's own scanner, since its messages
/// show it: a newline belongs to the line it ends, but an error at a bare newline names the line before.
/// </summary>
internal sealed class ConfigLexer(string source, string text, ConfigDiagnostics diagnostics)
{
    private int _position;
    private int _line = 1;
    private int _lineStart;
    private int _lexicalErrorLine;
    private int _tokenStart;
    private int _tokenEnd;
    private int _tokenColumn;
    private int _nextNewline = -1;

    /// <summary>Whether anything was refused. Strings are then no longer unquoted, and nothing is stored.</summary>
    internal bool HasError { get; private set; }

    /// <summary>Whether an offending text began as Python expressions do.</summary>
    internal bool LooksLikePython { get; private set; }

    /// <summary>The line of the last token, as messages count it.</summary>
    internal int TokenLine { get; private set; } = 1;

    /// <summary>Where the last token begins.</summary>
    internal ConfigPosition TokenPosition => new(TokenLine, _tokenColumn);

    /// <summary>The text of an identifier or number, or the content of a string.</summary>
    internal string TokenValue { get; private set; } = "";

    internal TokenKind Next()
    {
        while (_position < text.Length)
        {
            char c = text[_position];
            _tokenStart = _position;
            _tokenColumn = _position - _lineStart + 1;
            switch (c)
            {
                case ' ' or '\t':
                    _position++;
                    continue;
                case >= 'a' and <= 'z':
                    return Word(TokenKind.Identifier, static c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_' or '.');
                case >= '0' and <= '9':
                    return Word(TokenKind.Number, static c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f') or 'x');
                case ',':
                    return Take(TokenKind.Comma, 1);
                case '[':
                    return Take(TokenKind.Open, 1);
                case ']':
                    return Take(TokenKind.Close, 1);
                case '=':
                    return Take(TokenKind.Assign, 1);
                case ';':
                    return Take(TokenKind.Semicolon, 1);
                case '+' when _position + 1 < text.Length && text[_position + 1] == '=':
                    return Take(TokenKind.Add, 2);
                case '\n':
                    return Newline(_position);
                case '#' when NextNewline() is int end && end < text.Length:
                    return Newline(end);
                case '\'' or '"' when EndOfString(c) is > 0 and int end:
                    return String(end);
            }

            if (Offend(c) is { } token)
                return token;
        }

        _tokenStart = _tokenEnd = text.Length;
        _tokenColumn = text.Length - _lineStart + 1;
        return TokenKind.End;
    }

    /// <summary>Reports at the line of the current token: what the grammar refuses.</summary>
    internal void SyntaxError(TokenKind token, string message) => Report(TokenLine, token, message);

    /// <summary>Reports at the line of the scanner. Later messages for the same line are not shown.</summary>
    internal void LexicalError(string message)
    {
        Report(_line, TokenKind.String, message);
        _lexicalErrorLine = _line;
    }

    private TokenKind Word(TokenKind kind, Func<char, bool> belongs)
    {
        int end = _position + 1;
        while (end < text.Length && belongs(text[end]))
            end++;
        TokenValue = text[_position..end];
        return Take(kind, end - _position);
    }

    private TokenKind Take(TokenKind kind, int length)
    {
        _position += length;
        _tokenEnd = _position;
        TokenLine = _line;
        return kind;
    }

    private TokenKind Newline(int end)
    {
        TokenLine = _line++;
        _position = _tokenEnd = _lineStart = end + 1;
        return TokenKind.Newline;
    }

    /// <summary>The next newline, or the end. Kept, so that a last line full of comment signs is searched once only.</summary>
    private int NextNewline()
    {
        if (_nextNewline < _position)
            _nextNewline = text.IndexOf('\n', _position) is >= 0 and int found ? found : text.Length;
        return _nextNewline;
    }

    /// <summary>The index behind the closing quote, or 0 where the string does not end on its line.</summary>
    private int EndOfString(char quote)
    {
        for (int i = _position + 1; i < text.Length; i++)
        {
            char c = text[i];
            if (c == quote)
                return i + 1;
            if (c == '\\' && ++i >= text.Length || text[i] == '\n')
                return 0;
        }

        return 0;
    }

    private TokenKind String(int end)
    {
        TokenKind token = Take(TokenKind.String, end - _position);
        TokenValue = "";
        if (!HasError)
        {
            if (QuotedString.TryUnquote(text.AsSpan(_tokenStart + 1, end - _tokenStart - 2), out string value, out string problem))
                TokenValue = value;
            else
                LexicalError(problem);
        }

        return token;
    }

    /// <summary>Takes text that begins no token, up to the next blank, and reports it.</summary>
    private TokenKind? Offend(char first)
    {
        LooksLikePython |= first is '+' or '-' or '.' or '(' or ')' or ':';
        _position++;
        // xl counts bytes: what follows the first byte of a character beyond ASCII is the rest of it, and neither a blank nor an end.
        bool isWhole = char.IsAscii(first);
        if (isWhole && _position == text.Length)
        {
            // The end of the file comes before the report: only the grammar may still object.
            _tokenEnd = text.Length;
            return TokenKind.End;
        }

        if (isWhole && text[_position] == '\n')
        {
            _line++;
            _position++;
            _tokenEnd = _lineStart = _position;
            LexicalError("lexical error");
            TokenLine = _line;
            return TokenKind.Newline;
        }

        if (isWhole && text[_position] is (' ' or '\t'))
        {
            _position++;
        }
        else
        {
            while (_position < text.Length && text[_position] is not (' ' or '\t' or '\n'))
                _position++;
        }

        _tokenEnd = _position;
        LexicalError("lexical error");
        return null;
    }

    private void Report(int line, TokenKind token, string message)
    {
        if (line <= _lexicalErrorLine)
            return;
        HasError = true;

        ReadOnlySpan<char> near = text.AsSpan(_tokenStart, _tokenEnd - _tokenStart);
        string newline = "";
        if (near.Length > 0 && near[^1] == '\n')
        {
            near = near[..^1];
            line--;
            if (near.IsEmpty)
                newline = "<newline>";
        }

        diagnostics.At = new ConfigPosition(line, _tokenColumn);
        near = near.TrimEnd(" \t");
        bool quoted = near.Length > 0 || token == TokenKind.End;
        if (near.IndexOf('\0') is >= 0 and int end)
            near = near[..end];
        diagnostics.Report($"{source}:{line}: config parsing error near {(quoted ? "`" : "")}{near}{(quoted ? "'" : "")}{newline}: {message}");
    }
}
