using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="AsyncOperation.SetUp"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
public struct AsyncQueueSetup
{
    public const int WireSize = 32;

    /// <summary>Submissions that the queue holds, and completions: a power of two, at most <see cref="AsyncHypercalls.MostEntries"/>.</summary>
    public uint Entries;

    /// <summary>A port of the guest's own on which it is notified as by <c>EVTCHNOP_send</c>; 0: it polls.</summary>
    public EventPort Port;

    /// <summary>Must be 0.</summary>
    public ulong Flags;

    /// <summary>The address of the list of frames (a <c>u64</c> each, as the guest numbers its frames): header, completions, submissions.</summary>
    public ulong FrameList;

    /// <summary>How many there are: <see cref="AsyncHypercalls.FrameCount"/>.</summary>
    public uint FrameCount;

    /// <summary>Must be 0.</summary>
    public uint Reserved;
}

/// <summary>One completion.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
public struct AsyncCompletion
{
    public const int WireSize = 16;

    /// <summary>What the submission had in its <see cref="MulticallEntry.Result"/>.</summary>
    public long Cookie;

    /// <summary>What the call returned: what rax would hold.</summary>
    public long Result;
}

/// <summary>What the hypervisor says in the header of a queue.</summary>
[Flags]
public enum AsyncRingFlags : uint
{
    None = 0,

    /// <summary>The service sleeps: who submits kicks it.</summary>
    NeedWakeup = 1 << 0,

    /// <summary>The ring was corrupt; nothing more is done. <see cref="AsyncRing.Error"/> says why.</summary>
    Stopped = 1 << 1,
}

/// <summary>
/// The header of a queue: byte offsets in its first frame, each a <c>u32</c>. Indices run freely; an entry's place is its index modulo the
/// number of entries. The guest writes the first line, the hypervisor the second.
/// </summary>
public static class AsyncRing
{
    /// <summary>Written by the guest: one more than the last submission.</summary>
    public const int SubmissionProducer = 0;

    /// <summary>Written by the guest: the first completion that it has not read.</summary>
    public const int CompletionConsumer = 4;

    /// <summary>Written by the guest: it wants an event when the completion producer passes this (<c>rsp_event</c> of Xen's rings).</summary>
    public const int CompletionEvent = 8;

    /// <summary>Written by the hypervisor: the first submission that it has not copied.</summary>
    public const int SubmissionConsumer = 64;

    /// <summary>Written by the hypervisor: one more than the last completion.</summary>
    public const int CompletionProducer = 68;

    /// <summary>Written by the hypervisor: <see cref="AsyncRingFlags"/>.</summary>
    public const int Flags = 72;

    /// <summary>Written by the hypervisor: the <see cref="Errno"/> for which it stopped.</summary>
    public const int Error = 76;

    /// <summary>How many bytes of the frame the header takes.</summary>
    public const int Size = 128;

    /// <summary>Entries of a frame.</summary>
    public const uint SubmissionsPerFrame = PageSize.Bytes / MulticallEntry.WireSize, CompletionsPerFrame = PageSize.Bytes / AsyncCompletion.WireSize;
}
