using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The header of a message of the xenstore protocol (<c>public/io/xs_wire.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xsd_sockmsg")]
public struct XenStoreHeader
{
    public const int WireSize = 16;

    [Xen("type")] public XenStoreMessageType Type;

    /// <summary>Comes back with the reply.</summary>
    [Xen("req_id")] public uint RequestId;

    /// <summary>0: none.</summary>
    [Xen("tx_id")] public uint TransactionId;

    /// <summary>Bytes that follow.</summary>
    [Xen("len")] public uint Length;
}

/// <summary>Kinds of message (<c>public/io/xs_wire.h</c>).</summary>
[Xen("enum xsd_sockmsg_type")]
public enum XenStoreMessageType : uint
{
    [Xen("XS_CONTROL")] Control = 0,
    [Xen("XS_DIRECTORY")] Directory = 1,
    [Xen("XS_READ")] Read = 2,
    [Xen("XS_GET_PERMS")] GetPerms = 3,
    [Xen("XS_WATCH")] Watch = 4,
    [Xen("XS_UNWATCH")] Unwatch = 5,
    [Xen("XS_TRANSACTION_START")] TransactionStart = 6,
    [Xen("XS_TRANSACTION_END")] TransactionEnd = 7,
    [Xen("XS_INTRODUCE")] Introduce = 8,
    [Xen("XS_RELEASE")] Release = 9,
    [Xen("XS_GET_DOMAIN_PATH")] GetDomainPath = 10,
    [Xen("XS_WRITE")] Write = 11,
    [Xen("XS_MKDIR")] MakeDirectory = 12,
    [Xen("XS_RM")] Remove = 13,
    [Xen("XS_SET_PERMS")] SetPerms = 14,
    [Xen("XS_WATCH_EVENT")] WatchEvent = 15,
    [Xen("XS_ERROR")] Error = 16,
    [Xen("XS_IS_DOMAIN_INTRODUCED")] IsDomainIntroduced = 17,
    [Xen("XS_RESUME")] Resume = 18,
    [Xen("XS_SET_TARGET")] SetTarget = 19,
    [Xen("XS_RESET_WATCHES")] ResetWatches = 21,
    [Xen("XS_DIRECTORY_PART")] DirectoryPart = 22,

    /// <summary>This and the next three are newer than 4.17; <c>docs/misc/xenstore.txt</c> has them.</summary>
    GetFeature = 23,
    SetFeature = 24,
    GetQuota = 25,
    SetQuota = 26,
    [Xen("XS_INVALID")] Invalid = 65535,
}

/// <summary>Limits of the xenstore protocol, in bytes (<c>public/io/xs_wire.h</c>).</summary>
public static class XenStoreLimits
{
    [Xen("XENSTORE_PAYLOAD_MAX")] public const int PayloadBytes = 4096;
    [Xen("XENSTORE_ABS_PATH_MAX")] public const int AbsolutePathBytes = 3072;
    [Xen("XENSTORE_REL_PATH_MAX")] public const int RelativePathBytes = 2048;
    [Xen("XENSTORE_RING_SIZE")] public const int RingBytes = 1024;
}
