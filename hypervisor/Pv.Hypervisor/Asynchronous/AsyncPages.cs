using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Machine;

namespace Pv.Hypervisor.Asynchronous;

/// <summary>
/// A queue's shared frames. The guest gave them, and they are held as writable while the queue is: they cannot become page tables or
/// another domain's. What is read here was written by the guest and may change at any time.
/// </summary>
internal sealed class AsyncPages
{
    private readonly Domain _domain;
    private readonly Mfn[] _frames;
    private readonly SharedPage _header;
    private readonly uint _mask;
    private readonly int _firstSubmissionFrame;

    private AsyncPages(Domain domain, uint entries, Mfn[] frames)
    {
        _domain = domain;
        _frames = frames;
        _mask = entries - 1;
        _firstSubmissionFrame = 1 + AsyncHypercalls.CompletionFrames(entries);
        _header = new SharedPage(domain.Core.Memory, frames[0]);
        _header.Clear(0, AsyncRing.Size);
    }

    /// <summary>Takes the frames, and clears the header. Null when one is not the domain's, or in use otherwise; nothing is held then.</summary>
    public static AsyncPages? TryHold(Domain domain, uint entries, ReadOnlySpan<ulong> numbers)
    {
        var frames = new Mfn[numbers.Length];
        for (var i = 0; i < frames.Length; i++)
        {
            if (TryHold(domain, numbers[i], out frames[i]))
                continue;
            Release(domain, frames.AsSpan(0, i));
            return null;
        }
        return new AsyncPages(domain, entries, frames);
    }

    /// <summary>The frames that are held, for an audit.</summary>
    public IReadOnlyList<Mfn> Frames => _frames;

    public void Release() => Release(_domain, _frames);

    public uint SubmissionProducer => _header.ReadUInt32Acquire(AsyncRing.SubmissionProducer);

    public uint CompletionConsumer => _header.ReadUInt32Acquire(AsyncRing.CompletionConsumer);

    public uint CompletionEvent => _header.ReadUInt32Acquire(AsyncRing.CompletionEvent);

    public void WriteSubmissionConsumer(uint index) => _header.WriteUInt32Release(AsyncRing.SubmissionConsumer, index);

    public void WriteCompletionProducer(uint index) => _header.WriteUInt32Release(AsyncRing.CompletionProducer, index);

    public void WriteFlags(AsyncRingFlags flags) => _header.WriteUInt32Release(AsyncRing.Flags, (uint)flags);

    public void WriteError(Errno error) => _header.WriteUInt32Release(AsyncRing.Error, (uint)error);

    /// <summary>Copies a submission, once.</summary>
    public MulticallEntry ReadSubmission(uint index)
    {
        var slot = index & _mask;
        var frame = _frames[_firstSubmissionFrame + (int)(slot / AsyncRing.SubmissionsPerFrame)];
        return _domain.Core.Memory.At<MulticallEntry>(frame.Address + slot % AsyncRing.SubmissionsPerFrame * MulticallEntry.WireSize);
    }

    public void WriteCompletion(uint index, AsyncCompletion completion)
    {
        var slot = index & _mask;
        var frame = _frames[1 + (int)(slot / AsyncRing.CompletionsPerFrame)];
        _domain.Core.Memory.At<AsyncCompletion>(frame.Address + slot % AsyncRing.CompletionsPerFrame * AsyncCompletion.WireSize) = completion;
        _domain.Core.Memory.Marks.NoteWrite(frame);
    }

    // What the hypervisor shares with the guest (grant tables, shared_info) has a writer of its own.
    private static bool TryHold(Domain domain, ulong number, out Mfn frame)
    {
        if (!HeldFrames.TryHold(domain, number, out frame))
            return false;
        if (!domain.Core.Frames.IsXenFrame(frame))
            return true;
        HeldFrames.Release(domain, frame);
        return false;
    }

    private static void Release(Domain domain, ReadOnlySpan<Mfn> frames)
    {
        foreach (var frame in frames)
            HeldFrames.Release(domain, frame);
    }
}
