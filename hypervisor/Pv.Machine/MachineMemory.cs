using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Machine;

/// <summary>
/// The memory of the machine that Pv is: one host range, reserved at once and committed on touch.
/// Frame <c>n</c> is the 4 KiB at offset <c>n * 4096</c>; nothing else gives a frame its number.
/// </summary>
/// <remarks>
/// On Linux the range is a memfd, so that it can be lent to KVM and given back by holes; elsewhere it is anonymous memory.
/// Any thread may read and write any frame: who may do so when is the frame table's matter, not this type's.
/// </remarks>
public sealed unsafe class MachineMemory : IDisposable
{
    private readonly HostRange _range;
    private byte* _base;
    private ulong _end;

    /// <summary>Reserves <paramref name="frames"/> frames. Nothing is committed yet.</summary>
    /// <exception cref="OutOfMemoryException">The host refuses the address range.</exception>
    public MachineMemory(ulong frames)
    {
        ArgumentOutOfRangeException.ThrowIfZero(frames);
        FrameCount = frames;
        _range = HostRange.ReserveShared(frames << PageSize.Shift);
        _base = _range.Base;
        _end = frames << PageSize.Shift;
        Marks = new FrameMarks(frames);
    }

    /// <summary>How many frames the machine has; valid numbers are below it.</summary>
    public ulong FrameCount { get; }

    /// <summary>The host address of machine address 0. For the CPU engines' fast paths only.</summary>
    public byte* Base => _base;

    /// <summary>The descriptor of the memory's memfd, or -1 where the host has none.</summary>
    public int FileDescriptor => _range.FileDescriptor;

    /// <summary>One byte a frame that says whether a write to it concerns somebody.</summary>
    public FrameMarks Marks { get; }

    public bool Contains(Mfn mfn) => mfn.Value < FrameCount;

    /// <summary>The 4096 bytes of a frame.</summary>
    public Span<byte> Frame(Mfn mfn) => Bytes(mfn.Address, PageSize.Bytes);

    /// <summary>The frame as 512 words: a page table, or a slice of the machine-to-physical table.</summary>
    public Span<ulong> Words(Mfn mfn) => MemoryMarshal.Cast<byte, ulong>(Frame(mfn));

    /// <summary><paramref name="length"/> bytes from a machine address on; they must lie inside the machine.</summary>
    public Span<byte> Bytes(ulong machineAddress, int length)
    {
        ObjectDisposedException.ThrowIf(_base == null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(machineAddress, (FrameCount << PageSize.Shift) - (ulong)length, nameof(machineAddress));
        // SAFETY: the range check above keeps [address, address + length) inside the reserved range, which lives as long as this.
        return new Span<byte>(_base + machineAddress, length);
    }

    /// <summary>A typed view of machine memory. The value must not cross the machine's end; alignment is the caller's matter.</summary>
    public ref T At<T>(ulong machineAddress) where T : unmanaged
    {
        if (_end < (ulong)sizeof(T) || machineAddress > _end - (ulong)sizeof(T))
            throw new ArgumentOutOfRangeException(nameof(machineAddress), $"0x{machineAddress:x} is not in the machine.");
        // SAFETY: the check keeps the value inside the reserved range; once disposed, the end is such that every address fails it.
        return ref *(T*)(_base + machineAddress);
    }

    /// <summary>Makes frames read as zero, and tells the write hook.</summary>
    public void Zero(Mfn first, ulong count)
    {
        for (ulong i = 0; i < count; i++)
        {
            Frame(first.Plus(i)).Clear();
            Marks.NoteWrite(first.Plus(i));
        }
    }

    /// <summary>Gives frames back to the host. They read as zero when touched again.</summary>
    public void Discard(Mfn first, ulong count)
    {
        for (ulong i = 0; i < count; i++)
            Marks.NoteWrite(first.Plus(i));
        _range.Discard(first.Address, count << PageSize.Shift);
    }

    public void Dispose()
    {
        _base = null;
        _end = 0;
        _range.Dispose();
        Marks.Dispose();
    }
}
