namespace Pv.Toolstack.Control;

/// <summary>What <c>xl</c> was asked, and where from.</summary>
/// <param name="Words">Its arguments, global options included.</param>
/// <param name="Directory">Its working directory; relative paths start there.</param>
/// <param name="Environment">The variables that commands look at, as <c>NAME=value</c>.</param>
/// <param name="Terminal">What its standard streams are.</param>
public sealed record CommandRequest(string[] Words, string Directory, string[] Environment, TerminalFacts Terminal)
{
    public ReadOnlyMemory<byte> ToFrame()
        => new PayloadWriter(FrameKind.Command, 512)
            .U8((byte)Terminal.Terminals).U16(Terminal.Columns).U16(Terminal.Rows)
            .Text(Directory).Texts(Words).Texts(Environment).Finish();

    public static CommandRequest Parse(ReadOnlySpan<byte> payload)
    {
        var reader = new PayloadReader(payload);
        var terminal = new TerminalFacts((StandardStreams)reader.U8(), reader.U16(), reader.U16());
        var directory = reader.Text();
        var words = reader.Texts();
        var environment = reader.Texts();
        reader.End();
        return new CommandRequest(words, directory, environment, terminal);
    }
}

/// <summary>What <c>xl</c>'s standard streams are.</summary>
/// <param name="Terminals">Those that are terminals.</param>
/// <param name="Columns">The terminal's width, or 0 without one.</param>
/// <param name="Rows">The terminal's height, or 0 without one.</param>
public readonly record struct TerminalFacts(StandardStreams Terminals, int Columns, int Rows);

/// <summary>A set of standard streams.</summary>
[Flags]
public enum StandardStreams : byte
{
    None = 0,
    Input = 1,
    Output = 2,
    Error = 4,
}
