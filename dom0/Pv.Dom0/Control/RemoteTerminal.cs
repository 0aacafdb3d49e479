using Pv.Toolstack.Commands;
using Pv.Toolstack.Control;

namespace Pv.Dom0.Control;

/// <summary>The terminal of an <c>xl</c> at the other end of a connection.</summary>
/// <remarks>
/// The command calls from wherever it runs; the connection's reading loop brings in what <c>xl</c> sends through <see cref="TakeAsync"/>.
/// </remarks>
public sealed class RemoteTerminal : ICommandTerminal, IDisposable
{
    private readonly FrameChannel _channel;
    private readonly CommandRequest _request;
    private readonly CreditWindow _output = new(ControlProtocol.OutputWindow);
    private readonly CancellationTokenSource _interrupted = new();
    private readonly object _lock = new();
    private RemoteInput? _input;
    private IncomingBytes? _file;
    private TaskCompletionSource<string?>? _answer;
    private TerminalFacts _facts;

    public RemoteTerminal(FrameChannel channel, CommandRequest request, CancellationToken gone)
    {
        (_channel, _request, _facts, Gone) = (channel, request, request.Terminal, gone);
    }

    public TerminalFacts Facts => _facts;

    public string Directory => _request.Directory;

    public CancellationToken Gone { get; }

    public string? Variable(string name)
    {
        foreach (var variable in _request.Environment)
        {
            if (variable.StartsWith(name, StringComparison.Ordinal) && variable.AsSpan(name.Length) is ['=', .. var value])
                return value.ToString();
        }
        return null;
    }

    public async ValueTask WriteAsync(StandardStreams stream, ReadOnlyMemory<byte> bytes)
    {
        var kind = stream == StandardStreams.Error ? FrameKind.ErrorOutput : FrameKind.Output;
        while (!bytes.IsEmpty)
        {
            var part = await _output.TakeAsync(Math.Min(bytes.Length, ControlProtocol.MaxData), Gone);
            await _channel.WriteAsync(new PayloadWriter(kind, part).Bytes(bytes.Span[..part]), Gone);
            bytes = bytes[part..];
        }
    }

    public async Task<byte[]> ReadFileAsync(string path, int limit)
    {
        var file = new IncomingBytes(UsedAsync);
        lock (_lock)
            _file = _file == null ? file : throw new InvalidOperationException("One file at a time.");
        try
        {
            await _channel.WriteAsync(new PayloadWriter(FrameKind.ReadFile).Text(path), Gone);
            using var content = new MemoryStream();
            var chunk = new byte[ControlProtocol.MaxData];
            while (await file.ReadAsync(chunk, Gone) is > 0 and var read)
            {
                if (content.Length + read > limit)
                    throw new IOException($"more than {limit} bytes");
                content.Write(chunk, 0, read);
            }
            return content.ToArray();
        }
        finally
        {
            lock (_lock)
                _file = null;
        }
    }

    public async Task<string?> AskAsync(string question, bool hidden)
    {
        if (!_facts.Terminals.HasFlag(StandardStreams.Input))
            return null;
        var answer = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
            _answer = answer;
        await _channel.WriteAsync(new PayloadWriter(FrameKind.Ask).U8(hidden ? (byte)1 : (byte)0).Text(question), Gone);
        return await answer.Task.WaitAsync(Gone);
    }

    public async ValueTask<ITerminalInput> OpenInputAsync(bool raw, byte? escape)
    {
        var input = new RemoteInput(new IncomingBytes(UsedAsync), CloseInputAsync);
        lock (_lock)
            _input = _input == null ? input : throw new InvalidOperationException("Standard input is in use.");
        await _channel.WriteAsync(new PayloadWriter(FrameKind.OpenInput).U8(raw ? (byte)1 : (byte)0).U16(escape ?? 0xffff), Gone);
        return input;
    }

    public async ValueTask<CancellationToken> TakeSignalsAsync()
    {
        await _channel.WriteAsync(new PayloadWriter(FrameKind.TakeSignals), Gone);
        return _interrupted.Token;
    }

    /// <summary>One frame of <c>xl</c>'s.</summary>
    /// <exception cref="ControlProtocolException">It does not belong here.</exception>
    public async ValueTask TakeAsync(Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.Credit:
                if (!_output.TryGive(new PayloadReader(frame.Payload).S32()))
                    throw new ControlProtocolException("xl reports more output used than it was sent.");
                break;
            case FrameKind.Input when Current(ref _input) is { } input:
                await input.Bytes.AddAsync(frame.Payload);
                break;
            case FrameKind.Input:
                // Typed before xl heard that input is no longer wanted. It has used credit, which must not be lost.
                await UsedAsync(frame.Payload.Length, Gone);
                break;
            case FrameKind.InputEnd:
                Current(ref _input)?.End((InputEnding)new PayloadReader(frame.Payload).U8());
                break;
            case FrameKind.FileData when Current(ref _file) is { } file:
                await file.AddAsync(frame.Payload);
                break;
            case FrameKind.FileData:
                await UsedAsync(frame.Payload.Length, Gone);
                break;
            case FrameKind.FileEnd:
                var complaint = new PayloadReader(frame.Payload).Text();
                Current(ref _file)?.End(complaint.Length == 0 ? null : new IOException(complaint));
                break;
            case FrameKind.Answer:
                TakeAnswer(frame.Payload);
                break;
            case FrameKind.Signal:
                await _interrupted.CancelAsync();
                break;
            case FrameKind.WindowSize:
                TakeSize(frame.Payload);
                break;
            default:
                throw new ControlProtocolException($"xl sent a frame of kind {(byte)frame.Kind} in the middle of a command.");
        }
    }

    public void Dispose() => _interrupted.Dispose();

    private void TakeAnswer(byte[] payload)
    {
        var reader = new PayloadReader(payload);
        var answered = reader.U8() != 0;
        Current(ref _answer)?.TrySetResult(answered ? reader.Text() : null);
    }

    private void TakeSize(byte[] payload)
    {
        var reader = new PayloadReader(payload);
        _facts = _facts with { Columns = reader.U16(), Rows = reader.U16() };
    }

    private T? Current<T>(ref T? place) where T : class
    {
        lock (_lock)
            return place;
    }

    private ValueTask UsedAsync(int bytes, CancellationToken cancel)
        => bytes == 0 ? default : _channel.WriteAsync(new PayloadWriter(FrameKind.Credit).S32(bytes), cancel);

    private async ValueTask CloseInputAsync(RemoteInput input)
    {
        lock (_lock)
        {
            if (_input != input)
                return;
            _input = null;
        }
        // Nobody there any more is as good as closed.
        if (!Gone.IsCancellationRequested)
            await _channel.WriteAsync(new PayloadWriter(FrameKind.CloseInput), CancellationToken.None);
    }
}
