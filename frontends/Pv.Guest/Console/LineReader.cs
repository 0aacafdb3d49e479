using System.Text;

namespace Pv.Guest;

/// <summary>The line discipline of a C# guest's console: echo, erase, and the end of the line.</summary>
internal sealed class LineReader(GuestConsole console)
{
    private const byte ControlC = 3, ControlD = 4, Backspace = 8, LineFeed = 10, Return = 13, ControlU = 21, ControlW = 23,
        Escape = 27, Delete = 127;
    private const int LongestLine = 1024;

    private readonly byte[] _input = new byte[64];
    private readonly List<byte> _line = [];
    private int _at, _count;
    private bool _returnBefore;

    public async Task<string?> ReadAsync(string prompt)
    {
        _line.Clear();
        await console.WriteAsync(prompt);
        while (true)
        {
            var next = await NextAsync();
            if (next is null)
                return null;
            var key = next.Value;
            var pairedLineFeed = key == LineFeed && _returnBefore;
            _returnBefore = key == Return;
            if (pairedLineFeed)
                continue;
            if (key is Return or LineFeed)
                return await EndAsync();
            if (key == ControlD && _line.Count == 0)
                return null;
            await TypeAsync(key, prompt);
        }
    }

    private async Task<string> EndAsync()
    {
        await console.WriteLineAsync();
        return Encoding.UTF8.GetString([.. _line]);
    }

    private Task TypeAsync(byte key, string prompt)
    {
        switch (key)
        {
            case Backspace or Delete:
                return EraseAsync(_line.Count == 0 ? 0 : 1);
            case ControlU:
                return EraseAsync(Characters());
            case ControlW:
                return EraseAsync(LastWord());
            case ControlC:
                _line.Clear();
                return console.WriteAsync("^C\n" + prompt);
            case Escape:
                return SkipEscapeAsync();
            case >= 0x20 when _line.Count < LongestLine:
                _line.Add(key);
                return console.WriteAsync(new[] { key });
            default:
                return Task.CompletedTask;
        }
    }

    private async Task EraseAsync(int characters)
    {
        var strokes = new StringBuilder();
        for (; characters > 0; characters--)
        {
            // A character of UTF-8 is its first byte and the continuation bytes behind it.
            while (_line.Count > 1 && IsContinuation(_line[^1]))
                _line.RemoveAt(_line.Count - 1);
            _line.RemoveAt(_line.Count - 1);
            strokes.Append("\b \b");
        }
        await console.WriteAsync(strokes.ToString());
    }

    /// <summary>Takes the rest of a key that sends several bytes (an arrow): there is nothing here for it to move.</summary>
    private async Task SkipEscapeAsync()
    {
        var next = await NextAsync();
        if (next is not ((byte)'[' or (byte)'O'))
            return;
        do
            next = await NextAsync();
        while (next is < 0x40);
    }

    private int Characters() => _line.Count(key => !IsContinuation(key));

    private int LastWord()
    {
        var at = _line.Count;
        while (at > 0 && _line[at - 1] == ' ')
            at--;
        while (at > 0 && _line[at - 1] != ' ')
            at--;
        return _line[at..].Count(key => !IsContinuation(key));
    }

    private static bool IsContinuation(byte key) => (key & 0xc0) == 0x80;

    private async ValueTask<byte?> NextAsync()
    {
        if (_at == _count)
        {
            _at = 0;
            _count = await console.ReadAsync(_input);
            if (_count == 0)
                return null;
        }
        return _input[_at++];
    }
}
