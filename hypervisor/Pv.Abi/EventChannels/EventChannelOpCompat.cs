using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="HypercallNumber.EventChannelOpCompat"/>: operation and its argument in one struct, as Xen before 3.2 had it (<c>public/event_channel.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct evtchn_op")]
public struct EventChannelOpCompat
{
    public const int WireSize = 28;

    [Xen("cmd")] public EventChannelOperation Operation;
    [Xen("u")] public Array24<byte> Arguments;
}
