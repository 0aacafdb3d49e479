using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Backends.Storage;
using Pv.Guest;

namespace Pv.Backends.Block;

/// <summary>One request of a ring between its taking and its answer. A ring has as many as entries, and uses them again and again.</summary>
internal sealed class BlockSlot(BlockRing ring) : BlockTransfer(BlockLimits.SegmentsPerRequest)
{
    private BlockSegment[] _segments = new BlockSegment[BlockLimits.SegmentsPerRequest];
    private GrantView[] _views = new GrantView[BlockLimits.SegmentsPerRequest];
    private ulong _sector;

    /// <summary>Comes back in the response.</summary>
    public ulong Id { get; private set; }

    /// <summary>What the response names: of an indirect request the operation inside.</summary>
    public BlockOperation Operation { get; private set; }

    public BlockStatus Status { get; set; }

    /// <summary>How many segments it has, each in a page of its own.</summary>
    public int SegmentCount { get; private set; }

    /// <summary>How many of the segments' pages are mapped.</summary>
    public int ViewCount { get; private set; }

    /// <summary>Where the list of segments of an indirect request stands.</summary>
    public GrantRef SegmentPage { get; private set; }

    public bool IsIndirect { get; private set; }

    /// <summary>Its first place among the grants that are mapped next.</summary>
    public int FirstPlace { get; set; }

    /// <summary>All before it is done first, and nothing behind it begins.</summary>
    public bool IsBarrier => Operation == BlockOperation.WriteBarrier;

    /// <summary>A barrier that has begun.</summary>
    public bool IsUnderWay { get; set; }

    /// <summary>The ring's own, to chain what is done.</summary>
    public BlockSlot? NextDone { get; set; }

    public ReadOnlySpan<GrantView> Views => _views.AsSpan(0, ViewCount);

    /// <summary>How many pages it may map.</summary>
    public int PageDemand => SegmentCount + (IsIndirect ? 1 : 0);

    /// <summary>Takes a request over, judged as far as it can be before its pages are mapped. False: <see cref="Status"/> says how it is answered.</summary>
    public bool TryAccept(in BlockRequest request, BlockMedium medium)
    {
        ClearVectors();
        (Id, Operation, Status) = (BlockRequests.IdOf(request), request.Operation, BlockStatus.Error);
        (SegmentCount, ViewCount, IsIndirect, IsUnderWay, ForceUnitAccess) = (0, 0, false, false, false);
        var isGood = request.Operation switch
        {
            BlockOperation.Read or BlockOperation.Write or BlockOperation.WriteBarrier or BlockOperation.FlushDiskCache => TryAcceptDirect(request, medium),
            BlockOperation.Indirect => TryAcceptIndirect(BlockRequests.AsIndirect(request)),
            BlockOperation.Discard => TryAcceptDiscard(BlockRequests.AsDiscard(request), medium),
            _ => Refuse(BlockStatus.NotSupported),
        };
        if (isGood)
            Status = BlockStatus.Okay;
        return isGood;
    }

    /// <summary>Copies the segments of an indirect request from the page where they stand, once.</summary>
    public void ReadSegments(in GrantView page)
        => page.Page.CopyTo(0, MemoryMarshal.AsBytes(_segments.AsSpan(0, SegmentCount)));

    /// <summary>Judges the segments: each inside its page, all together inside the medium and allowed there.</summary>
    public bool TryCheckSegments(BlockMedium medium)
    {
        var total = 0;
        var unit = medium.SectorSize / BlockRequests.SectorBytes;
        foreach (ref readonly var segment in _segments.AsSpan(0, SegmentCount))
        {
            if (segment.LastSector >= BlockRequests.SectorsPerPage || segment.LastSector < segment.FirstSector)
                return false;
            var sectors = segment.LastSector - segment.FirstSector + 1;
            if (sectors % unit != 0)
                return false;
            total += sectors;
        }
        if (total == 0)
            return true;
        if (!medium.Contains(_sector, (ulong)total) || (Action != BlockAction.Read && medium.IsReadOnly))
            return false;
        Offset = (long)_sector * BlockRequests.SectorBytes;
        return true;
    }

    /// <summary>Wants the segments' pages mapped.</summary>
    public void WantPages(GrantWindow window)
    {
        for (var i = 0; i < SegmentCount; i++)
        {
            var place = window.Want(_segments[i].GrantRef, readOnly: Action != BlockAction.Read);
            if (i == 0)
                FirstPlace = place;
        }
    }

    /// <summary>Takes the pages that were mapped, and points the vectors to the segments. False: a grant was not good.</summary>
    public bool TryTakePages(GrantWindow window)
    {
        if (_views.Length < SegmentCount)
            Array.Resize(ref _views, _segments.Length);
        for (var i = 0; i < SegmentCount; i++)
        {
            if (!window.TryGet(FirstPlace + i, out var view))
                continue;
            _views[ViewCount++] = view;
            ref readonly var segment = ref _segments[i];
            Add(view.Page.Vector(segment.FirstSector * BlockRequests.SectorBytes, (segment.LastSector - segment.FirstSector + 1) * BlockRequests.SectorBytes));
        }
        return ViewCount == SegmentCount;
    }

    /// <summary>Makes a write of a flush that brought data, once the flush is done.</summary>
    public bool TryGoOnAfterFlush()
    {
        if (Action != BlockAction.Flush || SegmentCount == 0 || Status != BlockStatus.Okay)
            return false;
        Action = BlockAction.Write;
        return true;
    }

    public override void Complete(Errno error)
    {
        Status = error switch
        {
            Errno.None => BlockStatus.Okay,
            Errno.EOPNOTSUPP => BlockStatus.NotSupported,
            _ => BlockStatus.Error,
        };
        ring.NoteDone(this);
    }

    private bool TryAcceptDirect(in BlockRequest request, BlockMedium medium)
    {
        var flushes = request.Operation is BlockOperation.FlushDiskCache or BlockOperation.WriteBarrier;
        if (request.SegmentCount > BlockLimits.SegmentsPerRequest || (request.SegmentCount == 0 && !flushes))
            return false;
        if (flushes && !medium.Has(BlockFeatures.Flush))
            return Refuse(BlockStatus.NotSupported);
        (SegmentCount, _sector) = (request.SegmentCount, request.Sector);
        ReadOnlySpan<BlockSegment> segments = request.Segments;
        segments[..SegmentCount].CopyTo(_segments);
        Action = flushes ? BlockAction.Flush : request.Operation == BlockOperation.Read ? BlockAction.Read : BlockAction.Write;
        ForceUnitAccess = IsBarrier;
        return true;
    }

    private bool TryAcceptIndirect(in BlockIndirectRequest request)
    {
        Operation = request.IndirectOperation;
        if (request.IndirectOperation is not (BlockOperation.Read or BlockOperation.Write)
            || request.SegmentCount is 0 or > BlockRequests.MaxIndirectSegments)
            return false;
        (SegmentCount, IsIndirect) = (request.SegmentCount, true);
        SegmentPage = request.SegmentPages[0];
        if (_segments.Length < SegmentCount)
            _segments = new BlockSegment[BlockRequests.MaxIndirectSegments];
        Action = request.IndirectOperation == BlockOperation.Read ? BlockAction.Read : BlockAction.Write;
        _sector = request.Sector;
        return true;
    }

    private bool TryAcceptDiscard(in BlockDiscardRequest request, BlockMedium medium)
    {
        if (!medium.Has(BlockFeatures.Discard) || (request.Flags & BlockDiscardFlags.Secure) != 0)
            return Refuse(BlockStatus.NotSupported);
        if (!medium.Contains(request.Sector, request.SectorCount) || medium.IsReadOnly)
            return false;
        Action = BlockAction.Discard;
        Offset = (long)request.Sector * BlockRequests.SectorBytes;
        Length = (long)request.SectorCount * BlockRequests.SectorBytes;
        // Nothing to do is done.
        return Length != 0 || Refuse(BlockStatus.Okay);
    }

    private bool Refuse(BlockStatus status)
    {
        Status = status;
        return false;
    }
}
