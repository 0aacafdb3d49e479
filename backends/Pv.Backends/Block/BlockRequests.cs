using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Backends.Block;

/// <summary>The forms of a request in an entry of the ring, and their limits (<c>public/io/blkif.h</c>).</summary>
internal static class BlockRequests
{
    /// <summary>The unit of every sector number of the protocol.</summary>
    public const int SectorBytes = 512;

    public const int SectorsPerPage = PageSize.Bytes / SectorBytes;

    /// <summary>The most segments of an indirect request that are offered: a request of 1 MiB.</summary>
    public const int MaxIndirectSegments = 256;

    public const int SegmentsPerIndirectPage = PageSize.Bytes / BlockSegment.WireSize;

    public static BlockIndirectRequest AsIndirect(in BlockRequest request) => As<BlockIndirectRequest>(request);

    public static BlockDiscardRequest AsDiscard(in BlockRequest request) => As<BlockDiscardRequest>(request);

    /// <summary>The number by which the front end knows the request again; where it stands depends on the form.</summary>
    public static ulong IdOf(in BlockRequest request) => request.Operation switch
    {
        BlockOperation.Indirect => AsIndirect(request).Id,
        BlockOperation.Discard => AsDiscard(request).Id,
        _ => request.Id,
    };

    private static T As<T>(in BlockRequest request) where T : unmanaged
        => MemoryMarshal.Read<T>(MemoryMarshal.AsBytes(new ReadOnlySpan<BlockRequest>(in request)));
}
