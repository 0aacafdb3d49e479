using Pv.Machine;

namespace Pv.Guest;

/// <summary>The writing end of a byte ring: its own index is private, only the peer's is read from the page.</summary>
/// <remarks>One thread at a time.</remarks>
public sealed class ByteRingWriter
{
    private readonly SharedPage _page;
    private readonly ByteRingLayout _layout;
    private uint _producer;

    /// <summary>Takes the ring over as it stands in the page.</summary>
    public ByteRingWriter(SharedPage page, ByteRingLayout layout)
    {
        _page = page;
        _layout = layout;
        _producer = page.ReadUInt32Acquire(layout.Producer);
    }

    /// <summary>Why the ring is lost, or null.</summary>
    public string? Corruption { get; private set; }

    /// <summary>Copies as much into the ring as it has room for, and publishes it. The caller then notifies the peer.</summary>
    public RingResult TryWrite(ReadOnlySpan<byte> bytes, out int written)
    {
        written = 0;
        if (!TryRoom(out var room))
            return RingResult.Corrupt;
        written = Math.Min(room, bytes.Length);
        if (written == 0)
            return RingResult.Wait;
        var at = (int)(_producer % (uint)_layout.Size);
        var first = Math.Min(written, _layout.Size - at);
        _page.CopyFrom(_layout.Data + at, bytes[..first]);
        _page.CopyFrom(_layout.Data, bytes[first..written]);
        _producer += (uint)written;
        _page.WriteUInt32Release(_layout.Producer, _producer);
        return RingResult.Done;
    }

    private bool TryRoom(out int room)
    {
        var used = _producer - _page.ReadUInt32Acquire(_layout.Consumer);
        room = _layout.Size - (int)Math.Min(used, (uint)_layout.Size);
        if (used > (uint)_layout.Size)
            Corruption ??= $"the reader's index is {used} bytes behind, and the ring holds {_layout.Size}";
        return Corruption is null;
    }
}
