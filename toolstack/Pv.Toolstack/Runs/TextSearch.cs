namespace Pv.Toolstack.Runs;

/// <summary>Looks for a text in bytes that come piece by piece (Knuth, Morris and Pratt): no byte is looked at twice, none is kept.</summary>
internal sealed class TextSearch
{
    private readonly byte[] _text;
    // For each length that matches so far: the longest shorter one that still does when the next byte is another.
    private readonly int[] _shorter;
    private int _matched;

    /// <param name="text">At least one byte.</param>
    public TextSearch(byte[] text)
    {
        ArgumentOutOfRangeException.ThrowIfZero(text.Length);
        _text = text;
        _shorter = new int[text.Length];
        for (var (at, length) = (1, 0); at < text.Length; at++)
        {
            while (length > 0 && text[at] != text[length])
                length = _shorter[length - 1];
            if (text[at] == text[length])
                length++;
            _shorter[at] = length;
        }
    }

    /// <summary>How many bytes of this piece there are up to the end of the text; -1 while it has not come. Then the search begins anew.</summary>
    public int Find(ReadOnlySpan<byte> piece)
    {
        for (var i = 0; i < piece.Length; i++)
        {
            while (_matched > 0 && piece[i] != _text[_matched])
                _matched = _shorter[_matched - 1];
            if (piece[i] == _text[_matched])
                _matched++;
            if (_matched < _text.Length)
                continue;
            _matched = 0;
            return i + 1;
        }
        return -1;
    }
}
