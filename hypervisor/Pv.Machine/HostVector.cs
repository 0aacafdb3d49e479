using System.Runtime.InteropServices;

namespace Pv.Machine;

/// <summary>A run of bytes in this process's memory, as vectored system calls take them (<c>struct iovec</c>).</summary>
/// <remarks>
/// It holds nothing: whoever makes one answers for the memory staying where it is (a mapped grant, pinned memory) until the last use.
/// What a guest may write can change between two reads.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct HostVector
{
    private readonly byte* _start;
    private readonly nuint _length;

    internal HostVector(byte* start, int length)
    {
        _start = start;
        _length = (nuint)length;
    }

    /// <summary>In bytes.</summary>
    public int Length => (int)_length;

    /// <summary>The bytes themselves.</summary>
    // SAFETY: the length is of the memory that the maker pointed to, which lives as the type's remarks demand.
    public Span<byte> Bytes => new(_start, (int)_length);

    /// <summary>Pinned memory of the managed heap (<c>GC.AllocateArray(pinned: true)</c>), or native memory.</summary>
    public static HostVector OfPinned(Span<byte> bytes)
    {
        // SAFETY: the caller promises that the memory does not move, so the address outlives the statement.
        fixed (byte* start = bytes)
            return new HostVector(start, bytes.Length);
    }

    /// <summary>The bytes from <paramref name="offset"/> on.</summary>
    public HostVector Slice(int offset)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset, (uint)_length, nameof(offset));
        return new HostVector(_start + offset, Length - offset);
    }

    /// <summary>The bytes from <paramref name="offset"/> on, as many as <paramref name="length"/>.</summary>
    public HostVector Slice(int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Slice(offset).Length, nameof(length));
        return new HostVector(_start + offset, length);
    }

    /// <summary>Both as one run, where <paramref name="next"/> begins at the end of this one.</summary>
    public bool TryJoin(HostVector next, out HostVector joined)
    {
        var adjoins = _start + _length == next._start && _length + next._length <= int.MaxValue;
        joined = adjoins ? new HostVector(_start, Length + next.Length) : this;
        return adjoins;
    }
}
