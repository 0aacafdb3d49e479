using System.Diagnostics.CodeAnalysis;
using System.Text;
using Pv.Toolstack.Runs;

namespace Pv.Toolstack.Seeds;

/// <summary>A guest's console in one run: what it showed, what is expected, what is typed. One thread.</summary>
public sealed class SeedConsole
{
    private readonly RunScript _script;
    private readonly StringBuilder _text = new();

    internal SeedConsole(RunScript script) => _script = script;

    /// <summary>All that it showed.</summary>
    public string Text => _text.ToString();

    /// <summary>It showed what was expected of it, and nothing remains to be typed.</summary>
    public bool IsMet => _script.IsMet;

    /// <summary>The text that it was expected to show and did not; null for none.</summary>
    public string? Missing => _script.Awaited;

    /// <summary>It showed this.</summary>
    public void Show(ReadOnlySpan<byte> piece)
    {
        _text.Append(Encoding.Latin1.GetString(piece));
        _script.Show(piece);
    }

    /// <summary>What is to be typed next.</summary>
    public bool TryTakeTyped([NotNullWhen(true)] out byte[]? typed) => _script.Typed.TryRead(out typed);
}
