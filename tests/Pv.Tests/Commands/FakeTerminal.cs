using System.Text;
using Pv.Toolstack.Commands;
using Pv.Toolstack.Control;

namespace Pv.Tests.Commands;

/// <summary>A terminal that keeps what is written, and types what it was given.</summary>
internal sealed class FakeTerminal : ICommandTerminal
{
    private readonly StringBuilder _output = new(), _errors = new();
    private readonly CancellationTokenSource _gone = new(), _interrupted = new();

    public TerminalFacts Facts { get; init; } = new(StandardStreams.None, 0, 0);

    public string Directory { get; init; } = Path.GetTempPath();

    public CancellationToken Gone => _gone.Token;

    public Dictionary<string, string> Files { get; } = [];

    /// <summary>What is typed when a command asks for input; it then ends by the escape character.</summary>
    public string Typed { get; init; } = "";

    public string Output => _output.ToString();

    public string Errors => _errors.ToString();

    public void Interrupt() => _interrupted.Cancel();

    public string? Variable(string name) => null;

    public ValueTask WriteAsync(StandardStreams stream, ReadOnlyMemory<byte> bytes)
    {
        (stream == StandardStreams.Error ? _errors : _output).Append(Encoding.UTF8.GetString(bytes.Span));
        return default;
    }

    public Task<byte[]> ReadFileAsync(string path, int limit)
        => Files.TryGetValue(path, out var content) ? Task.FromResult(Encoding.UTF8.GetBytes(content)) : throw new FileNotFoundException();

    public Task<string?> AskAsync(string question, bool hidden) => Task.FromResult<string?>(null);

    public ValueTask<ITerminalInput> OpenInputAsync(bool raw, byte? escape) => ValueTask.FromResult<ITerminalInput>(new TypedInput(Typed));

    public ValueTask<CancellationToken> TakeSignalsAsync() => ValueTask.FromResult(_interrupted.Token);

    private sealed class TypedInput(string text) : ITerminalInput
    {
        private readonly byte[] _bytes = Encoding.UTF8.GetBytes(text);
        private bool _read;

        public InputEnding Ending => InputEnding.Escape;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
        {
            if (_read || _bytes.Length == 0)
                return new(0);
            _read = true;
            _bytes.CopyTo(buffer);
            return new(_bytes.Length);
        }

        public ValueTask DisposeAsync() => default;
    }
}
