using Pv.Abi;
using Pv.Dom0.Consoles;
using Pv.Guest;
using Pv.Toolstack.Seeds;

namespace Pv.Dom0.Seeds;

/// <summary>A guest of a stepped host and its console, served when Dom0's one thread comes by.</summary>
internal sealed class SteppedDomain : IDisposable
{
    private readonly Dom0ConsoleChannel _channel;
    private readonly ByteRingReader _output;
    private readonly ByteRingWriter _input;
    private readonly byte[] _chunk = new byte[4096];
    private byte[] _typed = [];

    public SteppedDomain(string name, DomId id, SeedConsole console, Dom0Kernel kernel, EventPort port)
    {
        (Name, Id, Console) = (name, id, console);
        _channel = new Dom0ConsoleChannel(kernel, id, port);
        _output = new ByteRingReader(_channel.Page, ByteRingLayout.ConsoleOut);
        _input = new ByteRingWriter(_channel.Page, ByteRingLayout.ConsoleIn);
    }

    public string Name { get; }

    public DomId Id { get; }

    public SeedConsole Console { get; }

    /// <summary>Takes what it wrote, and gives it what is typed, as far as there is room.</summary>
    public void Serve()
    {
        while (_output.TryRead(_chunk, out var count, out var wasFull) != RingResult.Corrupt && count > 0)
        {
            if (wasFull)
                _channel.Notify();
            Console.Show(_chunk.AsSpan(0, count));
        }
        while (_typed.Length > 0 || Console.TryTakeTyped(out _typed!))
        {
            if (_input.TryWrite(_typed, out var written) == RingResult.Corrupt || written == 0)
                break;
            _typed = _typed[written..];
            _channel.Notify();
        }
        _typed ??= [];
    }

    public void Dispose()
    {
        Serve();
        _channel.Dispose();
    }
}
