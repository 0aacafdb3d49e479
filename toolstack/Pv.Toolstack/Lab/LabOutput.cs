using Pv.Toolstack.CommandLine;

namespace Pv.Toolstack.Lab;

/// <summary>Where the lab prints.</summary>
public sealed class LabOutput(TextWriter output, TextWriter errors)
{
    private const string EraseLine = "\r\e[K";

    /// <summary>Curves have colours.</summary>
    public bool IsColored { get; init; }

    /// <summary>Somebody looks at the error output.</summary>
    public bool ShowsProgress { get; init; }

    /// <summary>Another process of the lab's reads this one's output, and has warned already.</summary>
    public bool IsPart { get; init; }

    /// <summary>What progress begins with.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>How wide a line may be.</summary>
    public int Columns { get; init; } = 100;

    public void Print(string line) => output.WriteLine(line);

    public void Complain(string sentence)
    {
        Progress("");
        errors.WriteLine(sentence);
    }

    /// <summary>One line that the next one takes the place of.</summary>
    public void Progress(string line)
    {
        if (!ShowsProgress)
            return;
        var whole = Prefix + line;
        errors.Write(EraseLine + (whole.Length < Columns ? whole : whole[..(Columns - 1)]));
        errors.Flush();
    }

    public string Paint(string words, string? color) => IsColored ? TerminalColor.Paint(words, color) : words;
}
