using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// The pages of a shared ring of requests and responses (<c>public/io/ring.h</c>), one after the other: a header of 64 bytes, then as many
/// entries as fit, rounded down to a power of two. An entry may straddle two pages.
/// </summary>
internal readonly struct RingPages
{
    public const int RequestProducer = 0;
    public const int RequestEvent = 4;
    public const int ResponseProducer = 8;
    public const int ResponseEvent = 12;

    private readonly SharedPage[] _pages;
    private readonly int _entrySize;

    public RingPages(SharedPage[] pages, int entrySize)
    {
        ArgumentOutOfRangeException.ThrowIfZero(pages.Length, nameof(pages));
        _pages = pages;
        _entrySize = entrySize;
        var entries = ((pages.Length * PageSize.Bytes) - RingHeader.WireSize) / entrySize;
        Size = 1u << (31 - System.Numerics.BitOperations.LeadingZeroCount((uint)entries));
    }

    /// <summary>How many entries the ring has.</summary>
    public uint Size { get; }

    public uint ReadIndex(int offset) => _pages[0].ReadUInt32Acquire(offset);

    public void WriteIndex(int offset, uint value) => _pages[0].WriteUInt32Release(offset, value);

    public void Write<T>(uint index, in T entry) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in entry));
        var at = At(index);
        var first = Math.Min(bytes.Length, PageSize.Bytes - (at % PageSize.Bytes));
        _pages[at / PageSize.Bytes].CopyFrom(at % PageSize.Bytes, bytes[..first]);
        if (first < bytes.Length)
            _pages[(at / PageSize.Bytes) + 1].CopyFrom(0, bytes[first..]);
    }

    public void Read<T>(uint index, out T entry) where T : unmanaged
    {
        entry = default;
        var bytes = MemoryMarshal.AsBytes(new Span<T>(ref entry));
        var at = At(index);
        var first = Math.Min(bytes.Length, PageSize.Bytes - (at % PageSize.Bytes));
        _pages[at / PageSize.Bytes].CopyTo(at % PageSize.Bytes, bytes[..first]);
        if (first < bytes.Length)
            _pages[(at / PageSize.Bytes) + 1].CopyTo(0, bytes[first..]);
    }

    private int At(uint index) => RingHeader.WireSize + ((int)(index & (Size - 1)) * _entrySize);
}
