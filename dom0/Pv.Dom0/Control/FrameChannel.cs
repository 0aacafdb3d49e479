using System.Buffers;
using System.IO.Pipelines;
using Pv.Toolstack.Control;

namespace Pv.Dom0.Control;

/// <summary>Frames over a pair of pipes. One reads; any may write, a frame at a time.</summary>
public sealed class FrameChannel(PipeReader input, PipeWriter output)
{
    private readonly SemaphoreSlim _writing = new(1, 1);

    /// <summary>The next frame, its payload a copy; null at the end.</summary>
    /// <exception cref="ControlProtocolException">A damaged header, or an end within a frame.</exception>
    public async ValueTask<Frame?> ReadAsync(CancellationToken cancel)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancel);
            var buffer = result.Buffer;
            if (TryTake(ref buffer, out var frame))
            {
                input.AdvanceTo(buffer.Start);
                return frame;
            }
            input.AdvanceTo(buffer.Start, buffer.End);
            if (!result.IsCompleted)
                continue;
            return buffer.IsEmpty ? null : throw new ControlProtocolException("The connection ended within a frame.");
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> frame, CancellationToken cancel)
    {
        await _writing.WaitAsync(cancel);
        try
        {
            await output.WriteAsync(frame, cancel);
        }
        finally
        {
            _writing.Release();
        }
    }

    public ValueTask WriteAsync(PayloadWriter frame, CancellationToken cancel) => WriteAsync(frame.Finish(), cancel);

    /// <summary>Nothing more will be written.</summary>
    public async ValueTask CompleteAsync()
    {
        await _writing.WaitAsync();
        await output.CompleteAsync();
        _writing.Release();
    }

    private static bool TryTake(ref ReadOnlySequence<byte> buffer, out Frame frame)
    {
        frame = default;
        if (buffer.Length < FrameHeader.Size)
            return false;
        Span<byte> head = stackalloc byte[FrameHeader.Size];
        buffer.Slice(0, FrameHeader.Size).CopyTo(head);
        var header = FrameHeader.Parse(head);
        if (buffer.Length < FrameHeader.Size + header.Length)
            return false;
        frame = new Frame(header.Kind, buffer.Slice(FrameHeader.Size, header.Length).ToArray());
        buffer = buffer.Slice(FrameHeader.Size + header.Length);
        return true;
    }
}

/// <summary>One frame that came in.</summary>
public readonly record struct Frame(FrameKind Kind, byte[] Payload);
