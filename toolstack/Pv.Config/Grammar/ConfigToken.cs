namespace Pv.Config.Grammar;

/// <summary>The tokens, in the order in which messages list what they expected.</summary>
internal enum TokenKind
{
    End,
    Identifier,
    String,
    Number,
    Newline,
    Add,
    Assign,
    Semicolon,
    Open,
    Close,
    Comma,
}

internal static class TokenNames
{
    /// <summary>The name of a token in xl's messages.</summary>
    internal static string Of(TokenKind kind) => kind switch
    {
        TokenKind.End => "$end",
        TokenKind.Identifier => "IDENT",
        TokenKind.String => "STRING",
        TokenKind.Number => "NUMBER",
        TokenKind.Newline => "NEWLINE",
        TokenKind.Add => "+=",
        TokenKind.Assign => "'='",
        TokenKind.Semicolon => "';'",
        TokenKind.Open => "'['",
        TokenKind.Close => "']'",
        _ => "','",
    };
}
