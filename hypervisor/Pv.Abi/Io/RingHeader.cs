using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The start of every shared ring; the entries follow it (<c>public/io/ring.h</c>). Indices run freely. <c>event</c> is the index at which the other end wants to be notified.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct blkif_sring", IsPrefix = true)]
public struct RingHeader
{
    public const int WireSize = 64;

    [Xen("req_prod")] public uint RequestProducer;
    [Xen("req_event")] public uint RequestEvent;
    [Xen("rsp_prod")] public uint ResponseProducer;
    [Xen("rsp_event")] public uint ResponseEvent;
}
