using System.Text;
using System.Threading.Channels;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Runs;

/// <summary>
/// What a run does at the console: texts to wait for and texts to type, in the order in which the words name them. One that is typed waits for
/// all the texts before it.
/// </summary>
/// <remarks>One thread shows, another may read <see cref="Typed"/>.</remarks>
internal sealed class RunScript
{
    private readonly Step[] _steps;
    private readonly Channel<byte[]> _typed = Channel.CreateUnbounded<byte[]>();
    private int _next;

    private RunScript(Step[] steps)
    {
        _steps = steps;
        TypeOn();
    }

    /// <summary>Nothing is expected and nothing typed.</summary>
    public static RunScript Empty => new([]);

    /// <summary>What is to be typed now.</summary>
    public ChannelReader<byte[]> Typed => _typed.Reader;

    /// <summary>The text that is waited for, or null.</summary>
    public string? Awaited => _next < _steps.Length ? _steps[_next].Text : null;

    /// <summary>How many texts were shown.</summary>
    public int Shown { get; private set; }

    /// <summary>All was shown and typed, and a text was the last of it: the run has what it was made for.</summary>
    public bool IsMet => _next == _steps.Length && _steps is [.., { Search: not null }];

    /// <summary>Takes the script from the options <paramref name="expect"/> and <paramref name="send"/>.</summary>
    /// <exception cref="ToolstackException">A text cannot be.</exception>
    public static RunScript Of(CommandWords words, char expect, char send)
    {
        var steps = new List<Step>();
        foreach (var (letter, argument) in words.Options)
        {
            if (letter == expect)
            {
                steps.Add(argument!.Length > 0
                    ? new Step(argument, new TextSearch(Encoding.UTF8.GetBytes(argument)), [])
                    : throw new ToolstackException("An empty text is shown by every console: --expect needs one that is not.", 2));
            }
            else if (letter == send)
            {
                steps.Add(new Step(argument!, null, TypedText.Parse(argument!)));
            }
        }
        return new RunScript([.. steps]);
    }

    /// <summary>The console shows this.</summary>
    public void Show(ReadOnlySpan<byte> piece)
    {
        while (_next < _steps.Length && _steps[_next].Search!.Find(piece) is >= 0 and var end)
        {
            piece = piece[end..];
            _next++;
            Shown++;
            TypeOn();
        }
    }

    private void TypeOn()
    {
        for (; _next < _steps.Length && _steps[_next].Search == null; _next++)
            _typed.Writer.TryWrite(_steps[_next].Bytes);
        if (_next == _steps.Length)
            _typed.Writer.TryComplete();
    }

    private sealed record Step(string Text, TextSearch? Search, byte[] Bytes);
}
