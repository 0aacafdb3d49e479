using Pv.Machine;

namespace Pv.Guest;

/// <summary>The reading end of a byte ring: its own index is private, only the peer's is read from the page.</summary>
/// <remarks>One thread at a time.</remarks>
public sealed class ByteRingReader
{
    private readonly SharedPage _page;
    private readonly ByteRingLayout _layout;
    private uint _consumer;

    /// <summary>Takes the ring over as it stands in the page.</summary>
    public ByteRingReader(SharedPage page, ByteRingLayout layout)
    {
        _page = page;
        _layout = layout;
        _consumer = page.ReadUInt32Acquire(layout.Consumer);
    }

    /// <summary>Why the ring is lost, or null.</summary>
    public string? Corruption { get; private set; }

    /// <summary>
    /// Copies out what there is, once, and gives its room back. <paramref name="wasFull"/>: the writer may be waiting for room
    /// and wants to be notified.
    /// </summary>
    public RingResult TryRead(Span<byte> into, out int read, out bool wasFull)
    {
        read = 0;
        wasFull = false;
        var available = _page.ReadUInt32Acquire(_layout.Producer) - _consumer;
        if (available > (uint)_layout.Size)
            Corruption ??= $"the writer's index is {available} bytes ahead, and the ring holds {_layout.Size}";
        if (Corruption is not null)
            return RingResult.Corrupt;
        read = Math.Min((int)available, into.Length);
        if (read == 0)
            return RingResult.Wait;
        var at = (int)(_consumer % (uint)_layout.Size);
        var first = Math.Min(read, _layout.Size - at);
        _page.CopyTo(_layout.Data + at, into[..first]);
        _page.CopyTo(_layout.Data, into[first..read]);
        var before = _consumer;
        _consumer += (uint)read;
        _page.WriteUInt32Release(_layout.Consumer, _consumer);
        // Looked at once more after the room was given back: the writer may have filled the ring in between, and gone to sleep.
        SharedPage.FullFence();
        wasFull = _page.ReadUInt32Acquire(_layout.Producer) - before >= (uint)_layout.Size;
        return RingResult.Done;
    }
}
