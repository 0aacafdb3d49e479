using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The page that a domain and xenstored share (<c>public/io/xs_wire.h</c>). Indices run freely; masked by the ring's size they are positions.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xenstore_domain_interface")]
public struct XenStoreRing
{
    public const int WireSize = 2076;

    /// <summary>From the guest.</summary>
    [Xen("req")] public Array1024<byte> Requests;

    /// <summary>Towards the guest.</summary>
    [Xen("rsp")] public Array1024<byte> Responses;

    [Xen("req_cons")] public uint RequestConsumer;
    [Xen("req_prod")] public uint RequestProducer;
    [Xen("rsp_cons")] public uint ResponseConsumer;
    [Xen("rsp_prod")] public uint ResponseProducer;
    [Xen("server_features")] public XenStoreServerFeatures ServerFeatures;
    [Xen("connection")] public XenStoreConnectionState Connection;
    [Xen("error")] public XenStoreRingError Error;
}

/// <summary>What xenstored offers on a ring (<c>public/io/xs_wire.h</c>).</summary>
[Flags]
[Xen("XENSTORE_SERVER_FEATURE_*")]
public enum XenStoreServerFeatures : uint
{
    None = 0,
    [Xen("XENSTORE_SERVER_FEATURE_RECONNECTION")] Reconnection = 1 << 0,
    [Xen("XENSTORE_SERVER_FEATURE_ERROR")] Error = 1 << 1,

    /// <summary>A watch may say how deep it reaches. Newer than 4.17; <c>docs/misc/xenstore-ring.txt</c> has it.</summary>
    WatchDepth = 1 << 2,
}

/// <summary>State of a ring's connection (<c>public/io/xs_wire.h</c>).</summary>
[Xen("XENSTORE_*")]
public enum XenStoreConnectionState : uint
{
    [Xen("XENSTORE_CONNECTED")] Connected = 0,

    /// <summary>The guest asks for a reset of the ring.</summary>
    [Xen("XENSTORE_RECONNECT")] Reconnect = 1,
}

/// <summary>Why xenstored gave a ring up (<c>public/io/xs_wire.h</c>).</summary>
[Xen("XENSTORE_ERROR_*")]
public enum XenStoreRingError : uint
{
    [Xen("XENSTORE_ERROR_NONE")] None = 0,

    /// <summary>The event channel failed.</summary>
    [Xen("XENSTORE_ERROR_COMM")] Communication = 1,

    /// <summary>An index is out of bounds.</summary>
    [Xen("XENSTORE_ERROR_RINGIDX")] RingIndex = 2,

    /// <summary>A message breaks the protocol.</summary>
    [Xen("XENSTORE_ERROR_PROTO")] Protocol = 3,
}
