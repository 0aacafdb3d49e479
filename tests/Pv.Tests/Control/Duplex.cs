using System.IO.Pipelines;
using Pv.Dom0.Control;
using Pv.Toolstack.Control;

namespace Pv.Tests.Control;

/// <summary>A conversation without a socket: pvd's side runs, the test is xl and says what it likes.</summary>
internal sealed class Duplex : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Pipe _toPvd = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly Pipe _toXl = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly CancellationTokenSource _stop = new();

    public Duplex(CommandHandler run)
    {
        var pvd = new FrameChannel(_toPvd.Reader, _toXl.Writer);
        Xl = new FrameChannel(_toXl.Reader, _toPvd.Writer);
        Served = ControlConnection.ServeAsync(pvd, "pvd test", run, _stop.Token);
    }

    public FrameChannel Xl { get; }

    /// <summary>Ends when pvd's side is done with the conversation.</summary>
    public Task Served { get; }

    public PipeWriter Raw => _toPvd.Writer;

    public static CommandRequest Request(params string[] words)
        => new(words, "/", ["TERM=dumb", "PV_X=1=2"], new TerminalFacts(StandardStreams.Input | StandardStreams.Output, 80, 24));

    public async Task<Duplex> GreetAsync(params string[] words)
    {
        await SayAsync(new Greeting(ControlProtocol.Version, "xl test").ToFrame());
        await SayAsync(Request(words).ToFrame());
        if ((await HearAsync())?.Kind != FrameKind.Hello)
            throw new InvalidOperationException("pvd did not greet.");
        return this;
    }

    public ValueTask SayAsync(ReadOnlyMemory<byte> frame) => Xl.WriteAsync(frame, CancellationToken.None);

    public ValueTask SayAsync(PayloadWriter frame) => SayAsync(frame.Finish());

    public Task<Frame?> HearAsync() => Xl.ReadAsync(CancellationToken.None).AsTask().WaitAsync(Patience);

    /// <summary>All that comes until the end.</summary>
    public async Task<List<Frame>> HearAllAsync()
    {
        var all = new List<Frame>();
        while (await HearAsync() is { } frame)
            all.Add(frame);
        return all;
    }

    public Task ServedAsync() => Served.WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Served.WaitAsync(Patience);
        _stop.Dispose();
    }
}
