using Pv.Abi;

namespace Pv.Machine;

/// <summary>Why a write to a frame concerns somebody.</summary>
[Flags]
public enum FrameMark : byte
{
    None = 0,

    /// <summary>A CPU engine holds decoded code of this frame.</summary>
    Code = 1,

    /// <summary>A dirty log wants to know.</summary>
    DirtyLog = 2,
}

/// <summary>
/// One byte a frame: the single hook that every write to guest memory passes (soft TLB, grant copies, the hypervisor's own).
/// A writer looks at the byte and, when it is not zero, calls <see cref="NoteWrite"/> after the write.
/// </summary>
/// <remarks>Marks are set and cleared atomically by any thread. <see cref="Written"/> runs on the writer's thread.</remarks>
public sealed unsafe class FrameMarks : IDisposable
{
    private readonly HostRange _range;
    private readonly ulong _frames;
    private byte* _marks;

    internal FrameMarks(ulong frames)
    {
        _frames = frames;
        _range = HostRange.ReservePrivate(frames);
        _marks = _range.Base;
    }

    /// <summary>The marks themselves, a byte a frame. For the CPU engines' fast paths only.</summary>
    public byte* Table => _marks;

    /// <summary>A marked frame was written, or its content is gone.</summary>
    public event Action<Mfn, FrameMark>? Written;

    public FrameMark this[Mfn mfn]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(mfn.Value, _frames, nameof(mfn));
            // SAFETY: the index is below the number of frames, which is the length of the table.
            return (FrameMark)Volatile.Read(ref _marks[mfn.Value]);
        }
    }

    public void Set(Mfn mfn, FrameMark mark)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(mfn.Value, _frames, nameof(mfn));
        Change(mfn, mark, FrameMark.None);
    }

    public void Clear(Mfn mfn, FrameMark mark)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(mfn.Value, _frames, nameof(mfn));
        Change(mfn, FrameMark.None, mark);
    }

    /// <summary>To be called after a write to <paramref name="mfn"/>; does nothing when the frame bears no mark.</summary>
    public void NoteWrite(Mfn mfn)
    {
        if (mfn.Value >= _frames)
            throw new ArgumentOutOfRangeException(nameof(mfn));
        // SAFETY: the index is below the number of frames, which is the length of the table.
        if (Volatile.Read(ref _marks[mfn.Value]) is not 0 and var mark)
            Written?.Invoke(mfn, (FrameMark)mark);
    }

    private void Change(Mfn mfn, FrameMark add, FrameMark remove)
    {
        // SAFETY: both callers checked the index against the number of frames, which is the length of the table.
        ref var mark = ref _marks[mfn.Value];
        byte seen;
        do
            seen = Volatile.Read(ref mark);
        while (Interlocked.CompareExchange(ref mark, (byte)((seen | (byte)add) & ~(byte)remove), seen) != seen);
    }

    public void Dispose()
    {
        _marks = null;
        _range.Dispose();
    }
}
