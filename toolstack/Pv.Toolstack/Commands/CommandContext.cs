using System.Text;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>One command at work: what it was told, where it answers, what it stands on.</summary>
public sealed class CommandContext(IToolstack toolstack, GlobalWords global, CommandRow row, CommandWords words, ICommandTerminal terminal)
{
    /// <summary>Output is sent when so much has gathered, or the command ends, or asks for it.</summary>
    private const int Gathered = 1 << 14;

    private readonly StringBuilder _text = new();
    private StandardStreams _stream = StandardStreams.Output;

    public IToolstack Toolstack => toolstack;

    public IDomains Domains => toolstack.Domains;

    public GlobalWords Global => global;

    public CommandRow Row => row;

    public CommandWords Words => words;

    public ICommandTerminal Terminal => terminal;

    /// <summary>Whether output is to be JSON.</summary>
    public bool IsJson => row.LongOption("json") is { } json && words.Has(json.Letter);

    /// <summary>A line of output.</summary>
    public ValueTask PrintAsync(string line) => GatherAsync(StandardStreams.Output, line);

    /// <summary>A line of error output.</summary>
    public ValueTask ComplainAsync(string line) => GatherAsync(StandardStreams.Error, line);

    /// <summary>Sends what has gathered.</summary>
    public async ValueTask FlushAsync()
    {
        if (_text.Length == 0)
            return;
        var bytes = Encoding.UTF8.GetBytes(_text.ToString());
        _text.Clear();
        await terminal.WriteAsync(_stream, bytes);
    }

    private async ValueTask GatherAsync(StandardStreams stream, string line)
    {
        if (stream != _stream)
            await FlushAsync();
        _stream = stream;
        _text.Append(line).Append('\n');
        if (_text.Length >= Gathered)
            await FlushAsync();
    }
}
