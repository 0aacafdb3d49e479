using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>What a block request asks for (<c>public/io/blkif.h</c>).</summary>
[Xen("BLKIF_OP_*")]
public enum BlockOperation : byte
{
    [Xen("BLKIF_OP_READ")] Read = 0,
    [Xen("BLKIF_OP_WRITE")] Write = 1,

    /// <summary>Write, ordered after all before and before all after.</summary>
    [Xen("BLKIF_OP_WRITE_BARRIER")] WriteBarrier = 2,

    /// <summary>All that was acknowledged becomes durable.</summary>
    [Xen("BLKIF_OP_FLUSH_DISKCACHE")] FlushDiskCache = 3,

    [Xen("BLKIF_OP_RESERVED_1")] Reserved1 = 4,

    /// <summary>See <see cref="BlockDiscardRequest"/>.</summary>
    [Xen("BLKIF_OP_DISCARD")] Discard = 5,

    /// <summary>See <see cref="BlockIndirectRequest"/>.</summary>
    [Xen("BLKIF_OP_INDIRECT")] Indirect = 6,
}

/// <summary>How a block request ended (<c>public/io/blkif.h</c>).</summary>
[Xen("BLKIF_RSP_*")]
public enum BlockStatus : short
{
    [Xen("BLKIF_RSP_OKAY")] Okay = 0,
    [Xen("BLKIF_RSP_ERROR")] Error = -1,
    [Xen("BLKIF_RSP_EOPNOTSUPP")] NotSupported = -2,
}

/// <summary>A part of one granted page, in sectors of 512 bytes (<c>public/io/blkif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct blkif_request_segment")]
public struct BlockSegment
{
    public const int WireSize = 8;

    [Xen("gref")] public GrantRef GrantRef;

    /// <summary>First sector, 0 to 7.</summary>
    [Xen("first_sect")] public byte FirstSector;

    /// <summary>Last sector, inclusive.</summary>
    [Xen("last_sect")] public byte LastSector;
}

/// <summary>A block request (<c>public/io/blkif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct blkif_request")]
public struct BlockRequest
{
    public const int WireSize = 112;

    [Xen("operation")] public BlockOperation Operation;
    [Xen("nr_segments")] public byte SegmentCount;

    /// <summary>The virtual device.</summary>
    [Xen("handle")] public ushort Handle;

    /// <summary>Comes back in the response.</summary>
    [Xen("id")] public ulong Id;

    /// <summary>In units of 512 bytes.</summary>
    [Xen("sector_number")] public ulong Sector;

    [Xen("seg")] public Array11<BlockSegment> Segments;
}

/// <summary>A discard request (<c>public/io/blkif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct blkif_request_discard")]
public struct BlockDiscardRequest
{
    public const int WireSize = 32;

    [Xen("operation")] public BlockOperation Operation;
    [Xen("flag")] public BlockDiscardFlags Flags;
    [Xen("handle")] public ushort Handle;
    [Xen("id")] public ulong Id;
    [Xen("sector_number")] public ulong Sector;
    [Xen("nr_sectors")] public ulong SectorCount;
}

/// <summary>Flags of <see cref="BlockDiscardRequest"/> (<c>public/io/blkif.h</c>).</summary>
[Flags]
[Xen("BLKIF_DISCARD_*")]
public enum BlockDiscardFlags : byte
{
    None = 0,
    [Xen("BLKIF_DISCARD_SECURE")] Secure = 1 << 0,
}

/// <summary>A request whose segments are in granted pages of their own (<c>public/io/blkif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct blkif_request_indirect")]
public struct BlockIndirectRequest
{
    public const int WireSize = 64;

    [Xen("operation")] public BlockOperation Operation;
    [Xen("indirect_op")] public BlockOperation IndirectOperation;
    [Xen("nr_segments")] public ushort SegmentCount;
    [Xen("id")] public ulong Id;
    [Xen("sector_number")] public ulong Sector;
    [Xen("handle")] public ushort Handle;

    /// <summary>Pages of <see cref="BlockSegment"/>, 512 each.</summary>
    [Xen("indirect_grefs")] public Array8<GrantRef> SegmentPages;
}

/// <summary>The response to a block request (<c>public/io/blkif.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct blkif_response")]
public struct BlockResponse
{
    public const int WireSize = 16;

    [Xen("id")] public ulong Id;
    [Xen("operation")] public BlockOperation Operation;
    [Xen("status")] public BlockStatus Status;
}

/// <summary>The <c>info</c> node of a block back end (<c>public/io/blkif.h</c>).</summary>
[Flags]
[Xen("VDISK_*")]
public enum BlockDeviceInfo : uint
{
    None = 0,
    [Xen("VDISK_CDROM")] CdRom = 1 << 0,
    [Xen("VDISK_REMOVABLE")] Removable = 1 << 1,
    [Xen("VDISK_READONLY")] ReadOnly = 1 << 2,
}

/// <summary>Limits of the block protocol (<c>public/io/blkif.h</c>).</summary>
public static class BlockLimits
{
    [Xen("BLKIF_MAX_SEGMENTS_PER_REQUEST")] public const int SegmentsPerRequest = 11;
    [Xen("BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST")] public const int IndirectPagesPerRequest = 8;
}
