using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.Frontends;

/// <summary>
/// One ring to a back end, with its event channel. What is put in a turn, and in those that were already lined up then, is published
/// together, with one notification at most.
/// </summary>
/// <remarks>
/// In turns only; nothing is allocated after an entry's first indirect request. An answer is believed only if it names a request that
/// waits for one: a request's id is its entry (16 bits) and, above, how many requests the ring had before.
/// </remarks>
internal sealed class BlockQueue
{
    private const int EntryBits = 16;

    private static readonly SendOrPostCallback PublishLater = static state => ((BlockQueue)state!).Publish();

    private readonly GuestContext _guest;
    private readonly DomId _backend;
    private readonly GrantedFrames _lingering;
    private readonly IBlockQueueOwner _owner;
    private readonly BlockStatistics _statistics;
    private readonly ushort _handle;
    private readonly Pfn[] _frames;
    private readonly FrontRing<BlockRequest, BlockResponse> _ring;
    private readonly Entry[] _entries;
    private readonly int[] _free;
    private readonly BlockSegment[] _segments = new BlockSegment[BlockFrontendOptions.LargestSegmentCount];
    private int _freeCount;
    private ulong _putCount;
    private bool _publishing;
    private bool _closed;

    public BlockQueue(GuestContext guest, DomId backend, int ringPages, ushort handle, GrantedFrames lingering, BlockStatistics statistics, IBlockQueueOwner owner)
    {
        (_guest, _backend, _handle, _lingering, _statistics, _owner) = (guest, backend, handle, lingering, statistics, owner);
        _frames = new Pfn[ringPages];
        for (var i = 0; i < ringPages; i++)
            _frames[i] = guest.Memory.Allocate();
        _ring = new FrontRing<BlockRequest, BlockResponse>(Array.ConvertAll(_frames, guest.Memory.Page));
        Grants = Array.ConvertAll(_frames, frame => guest.Grants.Grant(backend, frame));
        Channel = guest.Events.AllocUnbound(backend, OnEvent);
        _entries = new Entry[_ring.Size];
        _free = new int[_ring.Size];
        for (var i = 0; i < _free.Length; i++)
            _free[_freeCount++] = _free.Length - 1 - i;
    }

    public EventChannel Channel { get; }

    /// <summary>The grants of the ring's pages, in order.</summary>
    public GrantRef[] Grants { get; }

    public int Size => _ring.Size;

    /// <summary>Requests that were put and have no answer.</summary>
    public int Outstanding => _entries.Length - _freeCount;

    /// <summary>Puts the next request of an operation. False: the ring is full.</summary>
    public bool TryPut(DiskOperation operation, DiskFeatures features)
    {
        if (_freeCount == 0)
        {
            // Whoever fills the ring does not wait for the end of the turn.
            Publish();
            return false;
        }
        var index = _free[--_freeCount];
        ref var entry = ref _entries[index];
        entry.Operation = operation;
        entry.Id = (_putCount++ << EntryBits) | (uint)index;
        var request = operation.Kind switch
        {
            DiskOperationKind.Flush => Flush(operation, features, ref entry),
            DiskOperationKind.Discard or DiskOperationKind.SecureDiscard => Discard(operation, ref entry),
            _ => Transfer(operation, features, ref entry),
        };
        operation.Outstanding++;
        _statistics.Requests++;
        _ring.TryPut(request);
        if (!_publishing)
        {
            _publishing = true;
            SynchronizationContext.Current!.Post(PublishLater, this);
        }
        return true;
    }

    /// <summary>What was put and not answered; the ring forgets it.</summary>
    public IEnumerable<DiskOperation> TakeUnanswered()
    {
        var lost = _entries.Where(entry => entry.Operation is not null).Select(entry => entry.Operation!).Distinct().ToArray();
        for (var i = 0; i < _entries.Length; i++)
            _entries[i].Operation = null;
        return lost;
    }

    /// <summary>Closes the channel and wants the frames back.</summary>
    public void Close()
    {
        if (_closed)
            return;
        _closed = true;
        Channel.Dispose();
        for (var i = 0; i < _frames.Length; i++)
            _lingering.End(Grants[i], _frames[i]);
        foreach (var entry in _entries)
        {
            if (entry.HasPage)
                _lingering.End(entry.Grant, entry.Frame);
        }
    }

    private BlockRequest Transfer(DiskOperation operation, DiskFeatures features, ref Entry entry)
    {
        var at = operation.Offset + (int)operation.Position;
        var length = PartOf(operation, at, features.Segments);
        // Without memory for a list of segments a request is as large as it can be without one.
        if ((at % PageSize.Bytes) + length > BlockLimits.SegmentsPerRequest * PageSize.Bytes && !TryMakePage(features, ref entry))
            length = PartOf(operation, at, BlockLimits.SegmentsPerRequest);
        var sector = operation.Sector + (operation.Position / BlockFrontend.BytesPerSector);
        var kind = operation.Kind == DiskOperationKind.Read ? BlockOperation.Read : BlockOperation.Write;
        entry.Kind = kind;
        operation.Position += (ulong)length;
        var count = Segments(operation.Buffer!, at, length);
        if (count > BlockLimits.SegmentsPerRequest)
            return Indirect(kind, sector, count, ref entry);
        var request = new BlockRequest { Operation = kind, SegmentCount = (byte)count, Handle = _handle, Id = entry.Id, Sector = sector };
        _segments.AsSpan(0, count).CopyTo(request.Segments);
        return request;
    }

    /// <summary>How much of an operation fits so many pages from there on, in bytes.</summary>
    private static int PartOf(DiskOperation operation, int at, int pages)
        => (int)Math.Min(operation.Length - operation.Position, (ulong)((pages * PageSize.Bytes) - (at % PageSize.Bytes)));

    /// <summary>Sees to it that an entry has a page for a list of segments. False: the guest has no more memory or grants.</summary>
    private bool TryMakePage(DiskFeatures features, ref Entry entry)
    {
        if (entry.HasPage)
            return true;
        Pfn? frame = null;
        try
        {
            frame = _guest.Memory.Allocate();
            // What stays mapped is mapped for writing, as the protocol has it.
            entry.Grant = _guest.Grants.Grant(_backend, frame.Value, readOnly: !features.PersistentGrants);
        }
        catch (Exception failure) when (failure is OutOfMemoryException or HypercallException)
        {
            if (frame is { } unused)
                _guest.Memory.Free(unused);
            return false;
        }
        (entry.Frame, entry.Page, entry.HasPage) = (frame.Value, _guest.Memory.Page(frame.Value), true);
        return true;
    }

    private BlockRequest Indirect(BlockOperation kind, ulong sector, int count, ref Entry entry)
    {
        entry.Page.CopyFrom(0, MemoryMarshal.AsBytes(_segments.AsSpan(0, count)));
        var indirect = new BlockIndirectRequest
        {
            Operation = BlockOperation.Indirect,
            IndirectOperation = kind,
            SegmentCount = (ushort)count,
            Handle = _handle,
            Id = entry.Id,
            Sector = sector,
        };
        indirect.SegmentPages[0] = entry.Grant;
        _statistics.IndirectRequests++;
        return Widen(indirect);
    }

    /// <summary>Describes a part of a buffer by segments; returns how many.</summary>
    private int Segments(BlockBuffer buffer, int at, int length)
    {
        const int sectorsPerPage = PageSize.Bytes / BlockFrontend.BytesPerSector;
        var grants = buffer.Grants[(at / PageSize.Bytes)..(((at + length - 1) / PageSize.Bytes) + 1)];
        for (var i = 0; i < grants.Length; i++)
            _segments[i] = new BlockSegment { GrantRef = grants[i], LastSector = sectorsPerPage - 1 };
        _segments[0].FirstSector = (byte)(at % PageSize.Bytes / BlockFrontend.BytesPerSector);
        _segments[grants.Length - 1].LastSector = (byte)((at + length - 1) % PageSize.Bytes / BlockFrontend.BytesPerSector);
        return grants.Length;
    }

    private BlockRequest Flush(DiskOperation operation, DiskFeatures features, ref Entry entry)
    {
        operation.Position = operation.Length;
        entry.Kind = features.Flush == BlockFlush.Barrier ? BlockOperation.WriteBarrier : BlockOperation.FlushDiskCache;
        return new BlockRequest { Operation = entry.Kind, Handle = _handle, Id = entry.Id };
    }

    private BlockRequest Discard(DiskOperation operation, ref Entry entry)
    {
        operation.Position = operation.Length;
        entry.Kind = BlockOperation.Discard;
        return Widen(new BlockDiscardRequest
        {
            Operation = BlockOperation.Discard,
            Flags = operation.Kind == DiskOperationKind.SecureDiscard ? BlockDiscardFlags.Secure : BlockDiscardFlags.None,
            Handle = _handle,
            Id = entry.Id,
            Sector = operation.Sector,
            SectorCount = operation.Length,
        });
    }

    /// <summary>The other forms of a request stand at the beginning of an entry.</summary>
    private static BlockRequest Widen<T>(in T form) where T : unmanaged
    {
        var request = default(BlockRequest);
        MemoryMarshal.Write(MemoryMarshal.AsBytes(new Span<BlockRequest>(ref request)), form);
        return request;
    }

    private void Publish()
    {
        _publishing = false;
        if (_closed || !_ring.Publish())
            return;
        _statistics.Notifications++;
        // A back end that closed its port says more in the store.
        Channel.Notify();
    }

    private void OnEvent()
    {
        if (_closed)
            return;
        _statistics.Events++;
        do
        {
            RingResult taken;
            while ((taken = _ring.TryTake(out var response)) == RingResult.Done)
            {
                if (Answer(response) is { } reason)
                {
                    _owner.RingLost(reason);
                    return;
                }
            }
            if (taken == RingResult.Corrupt)
            {
                _owner.RingLost(_ring.Corruption!);
                return;
            }
        }
        while (_ring.FinalCheck());
        _owner.Answered();
    }

    /// <summary>Takes an answer; returns why it cannot be one.</summary>
    private string? Answer(in BlockResponse response)
    {
        var index = (int)(response.Id & ((1 << EntryBits) - 1));
        if (index >= _entries.Length || _entries[index] is not { Operation: { } operation } || _entries[index].Id != response.Id)
            return $"the back end answered a request that it does not have ({response.Id:x})";
        if (_entries[index].Kind != response.Operation)
            return $"the back end answered {response.Operation} to a request for {_entries[index].Kind}";
        _entries[index].Operation = null;
        _free[_freeCount++] = index;
        operation.Outstanding--;
        if (response.Status != BlockStatus.Okay)
            operation.Fail(new BlockException($"the back end answered {response.Status} to {response.Operation} from sector {operation.Sector}", response.Status));
        if (operation is { Outstanding: 0, IsQueued: false })
            operation.Complete();
        return null;
    }

    private struct Entry
    {
        public DiskOperation? Operation;
        public ulong Id;
        public BlockOperation Kind;

        /// <summary>The page of an indirect request's segments.</summary>
        public bool HasPage;

        public Pfn Frame;
        public SharedPage Page;
        public GrantRef Grant;
    }
}
