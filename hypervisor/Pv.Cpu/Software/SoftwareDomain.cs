using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>What the vCPUs of one domain share: which lines of which frames any of them holds decoded.</summary>
/// <remarks>
/// A frame becomes code in this order: its lines are noted, its mark is set, every vCPU is told to stop writing to it directly, its bytes are
/// read. It stops being code in this order: mark and lines are cleared, every vCPU is told to drop its blocks. Whatever interleaves,
/// each vCPU drops after the last write that its blocks have not seen.
/// </remarks>
// SAFETY: the table has a word for each frame of the machine; frames are checked by the decoder (a translation) or against the count.
internal sealed unsafe class SoftwareDomain : ICpuDomain
{
    private const int LineShift = 6;

    private readonly SoftwareEngine _engine;
    private readonly DomId _number;
    private readonly HostRange _lines;

    // Held for a look at the lines from outside, never with another lock in it.
    private readonly Lock _endLock = new();
    private SoftwareVcpu[] _vcpus = [];
    private bool _hasEnded;

    public SoftwareDomain(SoftwareEngine engine, DomId number)
    {
        _engine = engine;
        _number = number;
        _lines = HostRange.ReservePrivate((Memory.FrameCount * sizeof(ulong) + PageSize.OffsetMask) & ~PageSize.OffsetMask);
    }

    public MachineMemory Memory => _engine.Memory;

    public int TranslateAfter => _engine.TranslateAfter;

    public bool ExchangesWide => _engine.ExchangesWide;

    public ICpuVcpu CreateVcpu(VcpuId vcpu, ICpuHost host)
    {
        var created = new SoftwareVcpu(this, vcpu, host);
        lock (_lines)
            _vcpus = [.. _vcpus, created];
        return created;
    }

    public void ReportUnsupported(VcpuId vcpu, string what) => _engine.ReportUnsupported(_number, vcpu, what);

    public void Remove(SoftwareVcpu vcpu)
    {
        lock (_lines)
            _vcpus = [.. _vcpus.Where(other => other != vcpu)];
    }

    /// <summary>Notes that <paramref name="reader"/> is about to decode <paramref name="bytes"/> bytes of a frame. It must read them afterwards.</summary>
    public void BecomeCode(Mfn frame, int offset, int bytes, SoftwareVcpu reader)
    {
        ref var lines = ref Lines(frame);
        var wanted = LinesOf(offset, bytes);
        var before = Interlocked.Or(ref lines, wanted);
        if (before != 0 && (Memory.Marks[frame] & FrameMark.Code) != 0)
            return;
        Memory.Marks.Set(frame, FrameMark.Code);
        reader.Protect(frame);
        foreach (var vcpu in Volatile.Read(ref _vcpus))
            if (vcpu != reader)
                vcpu.Post(new FrameNote(frame, Dropped: false));
    }

    /// <summary>Whether decoded code may overlap these bytes.</summary>
    public bool HoldsCode(Mfn frame, int offset, int bytes) => (Volatile.Read(ref Lines(frame)) & LinesOf(offset, bytes)) != 0;

    /// <summary>A frame that bears the code mark was written: its mark is already cleared. Any thread, and any domain's doing: this one may be at its end.</summary>
    public void Written(Mfn frame)
    {
        lock (_endLock)
        {
            if (_hasEnded || Interlocked.Exchange(ref Lines(frame), 0) == 0)
                return;
        }
        foreach (var vcpu in Volatile.Read(ref _vcpus))
            vcpu.Post(new FrameNote(frame, Dropped: true));
    }

    public void Dispose()
    {
        foreach (var vcpu in Volatile.Read(ref _vcpus))
            vcpu.Dispose();
        _engine.Remove(this);
        lock (_endLock)
        {
            _hasEnded = true;
            _lines.Dispose();
        }
    }

    private ref ulong Lines(Mfn frame) => ref ((ulong*)_lines.Base)[frame.Value];

    private static ulong LinesOf(int offset, int bytes)
    {
        int first = offset >> LineShift, last = Math.Min((offset + bytes - 1) >> LineShift, 63);
        return (ulong.MaxValue << first) & (ulong.MaxValue >> (63 - last));
    }
}
