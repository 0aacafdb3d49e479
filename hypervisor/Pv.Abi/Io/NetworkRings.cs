using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Flags of a transmit request (<c>public/io/netif.h</c>).</summary>
[Flags]
[Xen("NETTXF_*")]
public enum NetworkTxFlags : ushort
{
    None = 0,

    /// <summary>The checksum is not filled in.</summary>
    [Xen("NETTXF_csum_blank")] ChecksumBlank = 1 << 0,

    /// <summary>The data was checked.</summary>
    [Xen("NETTXF_data_validated")] DataValidated = 1 << 1,

    /// <summary>The packet goes on in the next request.</summary>
    [Xen("NETTXF_more_data")] MoreData = 1 << 2,

    /// <summary>A <see cref="NetworkExtraInfo"/> follows.</summary>
    [Xen("NETTXF_extra_info")] ExtraInfo = 1 << 3,
}

/// <summary>A transmit request (<c>public/io/netif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct netif_tx_request")]
public struct NetworkTxRequest
{
    public const int WireSize = 12;

    [Xen("gref")] public GrantRef Ref;
    [Xen("offset")] public ushort Offset;
    [Xen("flags")] public NetworkTxFlags Flags;
    [Xen("id")] public ushort Id;

    /// <summary>In bytes; of the whole packet, in its first request.</summary>
    [Xen("size")] public ushort Size;
}

/// <summary>The response to a transmit request (<c>public/io/netif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct netif_tx_response")]
public struct NetworkTxResponse
{
    public const int WireSize = 4;

    [Xen("id")] public ushort Id;
    [Xen("status")] public NetworkStatus Status;
}

/// <summary>A page posted to receive into (<c>public/io/netif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct netif_rx_request")]
public struct NetworkRxRequest
{
    public const int WireSize = 8;

    [Xen("id")] public ushort Id;
    [Xen("gref")] public GrantRef Ref;
}

/// <summary>Flags of a receive response (<c>public/io/netif.h</c>).</summary>
[Flags]
[Xen("NETRXF_*")]
public enum NetworkRxFlags : ushort
{
    None = 0,
    [Xen("NETRXF_data_validated")] DataValidated = 1 << 0,
    [Xen("NETRXF_csum_blank")] ChecksumBlank = 1 << 1,
    [Xen("NETRXF_more_data")] MoreData = 1 << 2,
    [Xen("NETRXF_extra_info")] ExtraInfo = 1 << 3,
    [Xen("NETRXF_gso_prefix")] GsoPrefix = 1 << 4,
}

/// <summary>A packet, or part of one, received (<c>public/io/netif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct netif_rx_response")]
public struct NetworkRxResponse
{
    public const int WireSize = 8;

    [Xen("id")] public ushort Id;
    [Xen("offset")] public ushort Offset;
    [Xen("flags")] public NetworkRxFlags Flags;

    /// <summary>Bytes received, or a negative <see cref="NetworkStatus"/>.</summary>
    [Xen("status")] public short Status;
}

/// <summary>How a network request ended (<c>public/io/netif.h</c>).</summary>
[Xen("NETIF_RSP_*")]
public enum NetworkStatus : short
{
    [Xen("NETIF_RSP_DROPPED")] Dropped = -2,
    [Xen("NETIF_RSP_ERROR")] Error = -1,
    [Xen("NETIF_RSP_OKAY")] Okay = 0,

    /// <summary>The response to an extra-info slot.</summary>
    [Xen("NETIF_RSP_NULL")] Null = 1,
}

/// <summary>Kinds of <see cref="NetworkExtraInfo"/> (<c>public/io/netif.h</c>).</summary>
[Xen("XEN_NETIF_EXTRA_TYPE_*")]
public enum NetworkExtraType : byte
{
    [Xen("XEN_NETIF_EXTRA_TYPE_NONE")] None = 0,
    [Xen("XEN_NETIF_EXTRA_TYPE_GSO")] SegmentationOffload = 1,
    [Xen("XEN_NETIF_EXTRA_TYPE_MCAST_ADD")] MulticastAdd = 2,
    [Xen("XEN_NETIF_EXTRA_TYPE_MCAST_DEL")] MulticastDelete = 3,
    [Xen("XEN_NETIF_EXTRA_TYPE_HASH")] Hash = 4,
}

/// <summary>Flags of <see cref="NetworkExtraInfo"/> (<c>public/io/netif.h</c>).</summary>
[Flags]
[Xen("XEN_NETIF_EXTRA_FLAG_*")]
public enum NetworkExtraFlags : byte
{
    None = 0,
    [Xen("XEN_NETIF_EXTRA_FLAG_MORE")] More = 1 << 0,
}

/// <summary>What is segmented (<c>public/io/netif.h</c>).</summary>
[Xen("XEN_NETIF_GSO_TYPE_*")]
public enum NetworkOffloadType : byte
{
    [Xen("XEN_NETIF_GSO_TYPE_NONE")] None = 0,
    [Xen("XEN_NETIF_GSO_TYPE_TCPV4")] TcpV4 = 1,
    [Xen("XEN_NETIF_GSO_TYPE_TCPV6")] TcpV6 = 2,
}

/// <summary>A slot with more about the packet before it (<c>public/io/netif.h</c>). Which fields hold follows from the type.</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct netif_extra_info")]
public struct NetworkExtraInfo
{
    public const int WireSize = 8;

    [Xen("type"), FieldOffset(0)] public NetworkExtraType Type;
    [Xen("flags"), FieldOffset(1)] public NetworkExtraFlags Flags;
    [Xen("u.gso.size"), FieldOffset(2)] public ushort SegmentSize;
    [Xen("u.gso.type"), FieldOffset(4)] public NetworkOffloadType OffloadType;
    [Xen("u.gso.features"), FieldOffset(6)] public ushort OffloadFeatures;
    [Xen("u.mcast.addr"), FieldOffset(2)] public Array6<byte> MulticastAddress;
    [Xen("u.hash.type"), FieldOffset(2)] public byte HashType;
    [Xen("u.hash.algorithm"), FieldOffset(3)] public byte HashAlgorithm;
    [Xen("u.hash.value"), FieldOffset(4)] public Array4<byte> HashValue;
}

/// <summary>Limits of the network protocol (<c>public/io/netif.h</c>).</summary>
public static class NetworkLimits
{
    /// <summary>Slots a packet may take that every back end must accept.</summary>
    [Xen("XEN_NETIF_NR_SLOTS_MIN")] public const int MinSlots = 18;

    [Xen("XEN_NETIF_MAX_TX_SIZE")] public const int MaxTxBytes = 65535;
}
