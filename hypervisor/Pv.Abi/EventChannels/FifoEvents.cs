using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>A vCPU's control block of the FIFO event ABI (<c>public/event_channel.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_fifo_control_block")]
public struct FifoControlBlock
{
    public const int WireSize = 72;

    /// <summary>A bit for each priority whose queue is not empty.</summary>
    [Xen("ready")] public uint Ready;

    [Xen("_rsvd")] public uint Reserved;

    /// <summary>The first event of each queue.</summary>
    [Xen("head")] public Array16<uint> Heads;
}

/// <summary>The event words and limits of the FIFO event ABI (<c>public/event_channel.h</c>).</summary>
public static class FifoEvents
{
    [Xen("EVTCHN_FIFO_PENDING")] public const int PendingBit = 31;
    [Xen("EVTCHN_FIFO_MASKED")] public const int MaskedBit = 30;
    [Xen("EVTCHN_FIFO_LINKED")] public const int LinkedBit = 29;
    [Xen("EVTCHN_FIFO_BUSY")] public const int BusyBit = 28;
    [Xen("EVTCHN_FIFO_LINK_BITS")] public const int LinkBits = 17;
    [Xen("EVTCHN_FIFO_LINK_MASK")] public const uint LinkMask = 131071;
    [Xen("EVTCHN_FIFO_NR_CHANNELS")] public const int ChannelCount = 131072;
    [Xen("EVTCHN_FIFO_MAX_QUEUES")] public const int QueueCount = 16;
    [Xen("EVTCHN_FIFO_PRIORITY_MAX")] public const uint HighestPriority = 0;
    [Xen("EVTCHN_FIFO_PRIORITY_DEFAULT")] public const uint DefaultPriority = 7;
    [Xen("EVTCHN_FIFO_PRIORITY_MIN")] public const uint LowestPriority = 15;
}
