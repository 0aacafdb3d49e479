using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>
/// Tells a guest that waits by looking again and again (pvgrub at its prompt makes no hypercall) from one that computes.
/// </summary>
/// <remarks>
/// Two ways of waiting are known. If registers and all memory that was written since are as they were at an earlier instruction, and the clock
/// was not read, the guest can only go on in the same circle until somebody else writes to its memory or sends it an event: that is proven.
/// A guest that for long did nothing but compute, and reads its clock every few hundred instructions, waits for a time or for others: that
/// is taken for granted, so whoever rests it must let it look again soon.
/// A probe costs some thousand instructions at a tenth of the speed, and a failed one doubles the time to the next, so that a guest that
/// computes hardly notices.
/// </remarks>
// SAFETY: pointers are to the vCPU's state and to its registers, which the run that probes keeps in place.
internal sealed unsafe class IdleProbe(MachineMemory memory)
{
    /// <summary>How many instructions a circle may have to be found.</summary>
    public const int LongestCircle = 20_000;

    /// <summary>How many instructions a guest that reads the clock is watched, and how often it must read it to be waiting.</summary>
    private const int ClockWatch = 3_000, ClockReads = 8;

    private const int MostFrames = 32;
    private const long FirstPause = 300_000, LongestPause = 64_000_000;

    private readonly ulong[] _registers = new ulong[16];
    private readonly byte[] _vectors = new byte[sizeof(FxSaveArea)];
    private readonly Dictionary<ulong, byte[]> _frames = [];
    private readonly Stack<byte[]> _spare = new();
    private ulong _rip;
    private int _clockReads;
    private uint _flags;
    private long _pause = FirstPause;

    /// <summary>The count of instructions at which the next probe is due.</summary>
    public long DueAt { get; private set; } = FirstPause;

    /// <summary>More was written than is kept: this probe tells nothing.</summary>
    public bool IsSpoilt { get; private set; }

    /// <summary>Remembers where the guest is.</summary>
    public void Begin(CpuState* s)
    {
        foreach (var copy in _frames.Values)
            _spare.Push(copy);
        _frames.Clear();
        IsSpoilt = false;
        _clockReads = 0;
        _rip = s->Rip;
        _flags = Flags.Get(s) | s->SystemFlags;
        for (var i = 0; i < _registers.Length; i++)
            _registers[i] = Core.Reg(s, i);
        ((ReadOnlySpan<byte>)s->Guest->Fx).CopyTo(_vectors);
    }

    /// <summary>The guest read its clock, or a random number.</summary>
    public void NoteChance() => _clockReads++;

    /// <summary>Whether the guest is known to wait, after it ran for <paramref name="ran"/> instructions of this probe.</summary>
    public bool Waits(CpuState* s, long ran)
    {
        if (_clockReads == 0)
            return s->Rip == _rip && IsBack(s);
        if (ran < ClockWatch)
            return false;
        IsSpoilt = _clockReads < ClockReads;
        return !IsSpoilt;
    }

    /// <summary>The guest left its engine by itself: it did not only wait.</summary>
    public void NoteLeft(long retired)
    {
        _pause = Math.Max(_pause, FirstPause);
        DueAt = retired + _pause;
    }

    /// <summary>A frame is about to be written: keeps what it holds, the first time.</summary>
    public void NoteWrite(Mfn frame)
    {
        if (IsSpoilt || _frames.ContainsKey(frame.Value))
            return;
        if (_frames.Count == MostFrames)
        {
            IsSpoilt = true;
            return;
        }
        if (!_spare.TryPop(out var copy))
            copy = new byte[PageSize.Bytes];
        memory.Frame(frame).CopyTo(copy);
        _frames.Add(frame.Value, copy);
    }

    /// <summary>Whether all is as it was.</summary>
    private bool IsBack(CpuState* s)
    {
        if ((Flags.Get(s) | s->SystemFlags) != _flags)
            return false;
        for (var i = 0; i < _registers.Length; i++)
        {
            if (Core.Reg(s, i) != _registers[i])
                return false;
        }
        foreach (var (frame, copy) in _frames)
        {
            if (!memory.Frame(new Mfn(frame)).SequenceEqual(copy))
                return false;
        }
        return ((ReadOnlySpan<byte>)s->Guest->Fx).SequenceEqual(_vectors);
    }

    /// <summary>Sets when the next probe is due: at once after one that found a circle, ever later after those that did not.</summary>
    public void End(bool found, long retired)
    {
        _pause = found ? 0 : Math.Clamp(_pause * 2, FirstPause, LongestPause);
        DueAt = retired + _pause;
    }
}
