using System.IO.Pipelines;
using Pv.Toolstack.Control;

namespace Pv.Dom0.Control;

/// <summary>Data on its way in (typed input, a file): held up to the window, with credit given back as it is read.</summary>
/// <param name="used">Tells the other side how many bytes were used up.</param>
internal sealed class IncomingBytes(Func<int, CancellationToken, ValueTask> used)
{
    // The window is the bound; the pipe itself must never make its writer wait, for the writer is the connection's only reader.
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private long _held;

    /// <exception cref="ControlProtocolException">More than the window allows.</exception>
    public async ValueTask AddAsync(ReadOnlyMemory<byte> bytes)
    {
        if (Interlocked.Add(ref _held, bytes.Length) > ControlProtocol.InputWindow)
            throw new ControlProtocolException("xl sent more than it had credit for.");
        await _pipe.Writer.WriteAsync(bytes);
    }

    /// <summary>Nothing more comes; what is there can still be read. An exception is given to the reader after that.</summary>
    public void End(Exception? reason = null) => _pipe.Writer.Complete(reason);

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        var result = await _pipe.Reader.ReadAsync(cancel);
        var length = (int)Math.Min(result.Buffer.Length, buffer.Length);
        var taken = result.Buffer.Slice(0, length);
        var to = buffer.Span;
        foreach (var part in taken)
        {
            part.Span.CopyTo(to);
            to = to[part.Length..];
        }
        _pipe.Reader.AdvanceTo(taken.End);
        if (length > 0)
        {
            Interlocked.Add(ref _held, -length);
            await used(length, cancel);
        }
        return length;
    }
}
