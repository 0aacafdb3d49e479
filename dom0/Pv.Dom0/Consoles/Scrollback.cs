namespace Pv.Dom0.Consoles;

/// <summary>
/// The last of what a console said, in a ring of fixed size. Positions count every byte since the beginning,
/// so a reader's position is all there is of a reader: one that is too slow finds that the oldest moved on, and by how much.
/// </summary>
/// <remarks>Any thread. One lock, held for a copy.</remarks>
internal sealed class Scrollback(int capacity) : IConsoleHistory
{
    private readonly byte[] _ring = new byte[capacity];
    private readonly Lock _lock = new();
    private long _end;

    public long Start
    {
        get
        {
            lock (_lock)
                return Oldest;
        }
    }

    private long Oldest => Math.Max(0, _end - _ring.Length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            var skipped = Math.Max(0, bytes.Length - _ring.Length);
            _end += skipped;
            bytes = bytes[skipped..];
            var at = (int)(_end % _ring.Length);
            var first = Math.Min(bytes.Length, _ring.Length - at);
            bytes[..first].CopyTo(_ring.AsSpan(at));
            bytes[first..].CopyTo(_ring);
            _end += bytes.Length;
        }
    }

    public int Read(ref long position, Span<byte> into, out long lost)
    {
        lock (_lock)
        {
            lost = Math.Max(0, Oldest - position);
            position += lost;
            var count = (int)Math.Min(into.Length, _end - position);
            var at = (int)(position % _ring.Length);
            var first = Math.Min(count, _ring.Length - at);
            _ring.AsSpan(at, first).CopyTo(into);
            _ring.AsSpan(0, count - first).CopyTo(into[first..]);
            position += count;
            return count;
        }
    }
}
