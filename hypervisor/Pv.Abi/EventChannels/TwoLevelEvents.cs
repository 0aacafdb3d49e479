namespace Pv.Abi;

/// <summary>Limits of the 2-level event ABI (<c>public/event_channel.h</c>).</summary>
public static class TwoLevelEvents
{
    [Xen("EVTCHN_2L_NR_CHANNELS")] public const int ChannelCount = 4096;
}
