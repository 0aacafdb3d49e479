using System.Runtime.CompilerServices;
using Pv.Abi;

namespace Pv.Machine;

/// <summary>
/// One frame as a page that two sides write at once: a ring with its indices.
/// Indices go through the acquire and release verbs; what lies between them is copied, once, in or out.
/// </summary>
/// <remarks>
/// Any thread. Whatever is read here was written by a peer that may be hostile, and may change between two reads.
/// Every write tells <see cref="FrameMarks"/>, so a dirty log and decoded code see it.
/// Whoever hands out a page answers for the frame still being the peer's (a grant map, a reference count).
/// </remarks>
public readonly struct SharedPage
{
    private readonly MachineMemory _memory;
    private readonly Mfn _frame;

    /// <exception cref="ArgumentOutOfRangeException">The machine has no such frame.</exception>
    public SharedPage(MachineMemory memory, Mfn frame)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(frame.Value, memory.FrameCount, nameof(frame));
        _memory = memory;
        _frame = frame;
    }

    /// <summary>The frame that this page is.</summary>
    public Mfn Frame => _frame;

    /// <summary>Reads an index that the peer publishes: what it wrote before is seen by what is read after this.</summary>
    public uint ReadUInt32Acquire(int offset) => Volatile.Read(ref Word<uint>(offset));

    /// <summary>Publishes an index: what was written or read before this is done when the peer sees it.</summary>
    public void WriteUInt32Release(int offset, uint value)
    {
        Volatile.Write(ref Word<uint>(offset), value);
        _memory.Marks.NoteWrite(_frame);
    }

    public ushort ReadUInt16Acquire(int offset) => Volatile.Read(ref Word<ushort>(offset));

    public void WriteUInt16Release(int offset, ushort value)
    {
        Volatile.Write(ref Word<ushort>(offset), value);
        _memory.Marks.NoteWrite(_frame);
    }

    /// <summary>A byte by itself, for flags that share a word with somebody else's.</summary>
    public byte ReadByteAcquire(int offset) => Volatile.Read(ref Word<byte>(offset));

    public void WriteByteRelease(int offset, byte value)
    {
        Volatile.Write(ref Word<byte>(offset), value);
        _memory.Marks.NoteWrite(_frame);
    }

    public ulong ReadUInt64Acquire(int offset) => Volatile.Read(ref Word<ulong>(offset));

    public void WriteUInt64Release(int offset, ulong value)
    {
        Volatile.Write(ref Word<ulong>(offset), value);
        _memory.Marks.NoteWrite(_frame);
    }

    /// <summary>Puts a word in place of another, atomically, and returns what was there.</summary>
    public ulong ExchangeUInt64(int offset, ulong value)
    {
        var before = Interlocked.Exchange(ref Word<ulong>(offset), value);
        _memory.Marks.NoteWrite(_frame);
        return before;
    }

    /// <summary>Sets bits atomically, and returns the word as it was before.</summary>
    public ulong OrUInt64(int offset, ulong bits)
    {
        var before = Interlocked.Or(ref Word<ulong>(offset), bits);
        _memory.Marks.NoteWrite(_frame);
        return before;
    }

    /// <summary>Keeps only the bits of <paramref name="mask"/>, atomically, and returns the word as it was before.</summary>
    public ulong AndUInt64(int offset, ulong mask)
    {
        var before = Interlocked.And(ref Word<ulong>(offset), mask);
        _memory.Marks.NoteWrite(_frame);
        return before;
    }

    /// <summary>Puts <paramref name="value"/> where <paramref name="expected"/> stands, atomically, and returns what stood there.</summary>
    public ushort CompareExchangeUInt16(int offset, ushort value, ushort expected)
    {
        var before = Interlocked.CompareExchange(ref Word<ushort>(offset), value, expected);
        _memory.Marks.NoteWrite(_frame);
        return before;
    }

    /// <summary>Copies out of the page, once.</summary>
    public void CopyTo(int offset, Span<byte> destination) => Part(offset, destination.Length).CopyTo(destination);

    /// <summary>Copies into the page. Not visible in order until an index is released after it.</summary>
    public void CopyFrom(int offset, ReadOnlySpan<byte> source)
    {
        source.CopyTo(Part(offset, source.Length));
        _memory.Marks.NoteWrite(_frame);
    }

    /// <summary>Makes a part of the page read as zero.</summary>
    public void Clear(int offset, int length)
    {
        Part(offset, length).Clear();
        _memory.Marks.NoteWrite(_frame);
    }

    /// <summary>A part of the page for the host's vectored calls. Whoever has something written there says so by <see cref="NoteWritten"/> afterwards.</summary>
    public HostVector Vector(int offset, int length) => HostVector.OfPinned(Part(offset, length));

    /// <summary>The page was written behind <see cref="Vector"/>.</summary>
    public void NoteWritten() => _memory.Marks.NoteWrite(_frame);

    /// <summary>Orders writes before it against reads after it: between arming an event and the second look.</summary>
    public static void FullFence() => Interlocked.MemoryBarrier();

    /// <summary>
    /// A full fence for every thread of the process, vCPUs among them: orders this side's last write against its next read even where the
    /// peer has no fence between its own. Costs an interrupt of each running thread; for the moment before going to sleep.
    /// </summary>
    public static void FenceForAll() => Interlocked.MemoryBarrierProcessWide();

    private Span<byte> Part(int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, PageSize.Bytes - length);
        return _memory.Bytes(_frame.Address + (ulong)offset, length);
    }

    private ref T Word<T>(int offset) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, PageSize.Bytes - Unsafe.SizeOf<T>());
        if (offset % Unsafe.SizeOf<T>() != 0)
            throw new ArgumentException("A word that two sides write must be aligned, or it tears.", nameof(offset));
        return ref _memory.At<T>(_frame.Address + (ulong)offset);
    }
}
