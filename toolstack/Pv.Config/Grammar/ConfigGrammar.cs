namespace Pv.Config.Grammar;

/// <summary>
/// The grammar of configuration files (xl.cfg(5), xlcpupool.cfg(5)):
/// <code>
/// file  := { stmt (NEWLINE | ';') } [stmt]
/// stmt  := IDENT ('=' | '+=') value
/// value := STRING | NUMBER | '[' nl* [ value nl* { ',' nl* value nl* } [',' nl*] ] ']'
/// </code>
/// It is written as the states of xl's own LALR parser, because messages, the token they name and what is reported
/// after an error all follow from those states. Open lists are kept on a stack of our own, so nesting costs memory
/// of the heap only.
/// </summary>
internal sealed class ConfigGrammar
{
    /// <summary>How deep lists may nest; xl's parser gives up at about this depth, too.</summary>
    private const int MaxDepth = 4096;

    /// <summary>After an error nothing is reported until this many tokens were accepted.</summary>
    private const int RecoveryTokens = 3;

    private readonly ConfigLexer _lexer;
    private readonly ConfigSettings _settings;
    private readonly Stack<ConfigList> _openLists = new();
    private TokenKind? _lookahead;
    private int _untilReporting;
    private string _name = "";
    private ConfigPosition _nameAt;
    private bool _isAddition;

    private ConfigGrammar(ConfigLexer lexer, ConfigSettings settings) => (_lexer, _settings) = (lexer, settings);

    private enum State
    {
        Statements,
        Recover,
        AfterIdentifier,
        AfterOperator,
        ListStart,
        ListAfterValue,
        ListAfterComma,
        ListClose,
        AfterAssignment,
        FileEnd,
        Done,
    }

    private TokenKind Lookahead => _lookahead ??= _lexer.Next();

    /// <summary>Parses a whole text. Null if it was refused; the messages, the last one included, are then reported.</summary>
    internal static ConfigSettings? Parse(string source, string text, ConfigDiagnostics diagnostics)
    {
        var lexer = new ConfigLexer(source, text, diagnostics);
        var settings = new ConfigSettings(source);
        new ConfigGrammar(lexer, settings).Run();
        if (!lexer.HasError)
            return settings;

        diagnostics.At = default;
        if (lexer.LooksLikePython)
        {
            diagnostics.Report("warning: Config file looks like it contains Python code.");
            diagnostics.Report("warning:  Arbitrary Python is no longer supported.");
            diagnostics.Report("warning:  See https://wiki.xen.org/wiki/PythonInXlConfig");
        }

        diagnostics.Report("Failed to parse config: Invalid argument");
        return null;
    }

    private void Run()
    {
        for (State state = State.Statements; state != State.Done;)
            state = Step(state);
    }

    private State Step(State state)
    {
        switch (state)
        {
            case State.Statements:
                switch (Lookahead)
                {
                    case TokenKind.Newline or TokenKind.Semicolon:
                        Shift();
                        return State.Statements;
                    case TokenKind.Identifier:
                        (_name, _nameAt) = (_lexer.TokenValue, _lexer.TokenPosition);
                        Shift();
                        return State.AfterIdentifier;
                    case TokenKind.End:
                        return State.Done;
                    default:
                        return Error(state, "$end or IDENT or NEWLINE or ';'");
                }

            case State.AfterIdentifier:
                if (Lookahead is not (TokenKind.Assign or TokenKind.Add))
                    return Error(state, "+= or '='");
                _isAddition = Lookahead == TokenKind.Add;
                Shift();
                return State.AfterOperator;

            case State.AfterOperator:
                return TakeValue() ?? Error(state, "STRING or NUMBER or '['");

            case State.ListStart or State.ListAfterComma:
                if (Lookahead != TokenKind.Newline)
                    return TakeValue() ?? State.ListClose;
                Shift();
                return state;

            case State.ListAfterValue:
                if (Lookahead is not (TokenKind.Newline or TokenKind.Comma))
                    return State.ListClose;
                bool comma = Lookahead == TokenKind.Comma;
                Shift();
                return comma ? State.ListAfterComma : state;

            case State.ListClose:
                if (Lookahead != TokenKind.Close)
                    return Error(state, "']'");
                Shift();
                return Complete(_openLists.Pop());

            case State.AfterAssignment:
                if (Lookahead is not (TokenKind.Newline or TokenKind.Semicolon))
                    return State.FileEnd;
                Shift();
                return State.Statements;

            case State.FileEnd:
                return Lookahead == TokenKind.End ? State.Done : Error(state, "$end");

            default:
                if (Lookahead == TokenKind.End)
                    return State.Done;
                bool resumes = Lookahead == TokenKind.Newline;
                if (resumes)
                    Shift();
                else
                    _lookahead = null;
                return resumes ? State.Statements : State.Recover;
        }
    }

    /// <summary>Takes the value that the lookahead begins; null if it begins none.</summary>
    private State? TakeValue()
    {
        switch (Lookahead)
        {
            case TokenKind.String or TokenKind.Number:
                var atom = new ConfigAtom(_lexer.TokenValue, _lexer.TokenPosition);
                Shift();
                return Complete(atom);
            case TokenKind.Open when _openLists.Count == MaxDepth:
                _lexer.SyntaxError(Lookahead, "memory exhausted");
                return State.Done;
            case TokenKind.Open:
                _openLists.Push(new ConfigList(_lexer.TokenPosition));
                Shift();
                return State.ListStart;
            default:
                return null;
        }
    }

    private State Complete(ConfigValue value)
    {
        if (_openLists.TryPeek(out ConfigList? list))
        {
            list.Add(value);
            return State.ListAfterValue;
        }

        if (!_lexer.HasError)
        {
            if (!_isAddition)
                _settings.Assign(_name, _nameAt, value);
            else if (!_settings.TryAdd(_name, _nameAt, value))
                _lexer.LexicalError("can't add [list] to \"string\" or vice versa");
        }

        return State.AfterAssignment;
    }

    private void Shift()
    {
        _lookahead = null;
        if (_untilReporting > 0)
            _untilReporting--;
    }

    private State Error(State state, string expecting)
    {
        if (_untilReporting == 0)
            _lexer.SyntaxError(Lookahead, $"syntax error, unexpected {TokenNames.Of(Lookahead)}, expecting {expecting}");
        _untilReporting = RecoveryTokens;
        _openLists.Clear();

        // Where the end of the file was the only thing left to come, there is no state to recover to.
        return state == State.FileEnd ? State.Done : State.Recover;
    }
}
