using System.Globalization;
using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.Tests.Backends;

/// <summary>A block front end that does what the test says, good or bad, from inside a C# guest.</summary>
internal sealed class TestFront(GuestContext guest)
{
    private readonly XenbusEnd _end = XenbusEnd.FrontEnd(guest.XenStore, BlockMachine.Device(guest.Domain));
    private readonly Dictionary<ulong, BlockResponse> _responses = [];
    private ulong _lastId;

    public XenbusEnd End => _end;

    public FrontRing<BlockRequest, BlockResponse> Ring { get; private set; } = null!;

    public EventChannel Channel { get; private set; } = null!;

    public Pfn[] RingFrames { get; private set; } = [];

    /// <summary>The ring's first page, to write what no ring would.</summary>
    public SharedPage RingPage => guest.Memory.Page(RingFrames[0]);

    public async Task ConnectAsync(int? order = null, string protocol = "x86_64-abi")
    {
        await _end.WaitForPeerAsync(XenbusState.InitWait);
        await OfferAsync(order, protocol);
        await _end.WaitForPeerAsync(XenbusState.Connected);
        await _end.TrySwitchAsync(XenbusState.Connected);
    }

    /// <summary>Writes the nodes of a new ring, and says that they are there.</summary>
    public async Task OfferAsync(int? order = null, string protocol = "x86_64-abi")
    {
        RingFrames = [.. Enumerable.Range(0, 1 << (order ?? 0)).Select(_ => guest.Memory.Allocate())];
        Ring = new FrontRing<BlockRequest, BlockResponse>([.. RingFrames.Select(guest.Memory.Page)]);
        Channel = guest.Events.AllocUnbound(DomId.Dom0);
        List<(string, string)> nodes = [("event-channel", Text(Channel.Port.Value)), ("protocol", protocol)];
        if (order is { } pages)
            nodes.Add(("ring-page-order", Text((uint)pages)));
        foreach (var (i, frame) in RingFrames.Index())
            nodes.Add((order is null ? "ring-ref" : $"ring-ref{i}", Text(guest.Grants.Grant(DomId.Dom0, frame).Value)));
        await _end.TrySwitchAsync(XenbusState.Initialised, nodes);
    }

    public async Task<string?> BackAsync(string node) => await _end.ReadPeerAsync(node);

    /// <summary>A page of the guest that Dom0 may use.</summary>
    public GrantedFrame NewPage(bool readOnly = false)
    {
        var frame = guest.Memory.Allocate();
        return new GrantedFrame(guest.Memory.Page(frame), guest.Grants.Grant(DomId.Dom0, frame, readOnly));
    }

    /// <summary>Puts a request of whole pages, or of the segments given, and tells its number.</summary>
    public ulong Put(BlockOperation operation, ulong sector, params BlockSegment[] segments)
    {
        var request = new BlockRequest { Operation = operation, SegmentCount = (byte)segments.Length, Id = ++_lastId, Sector = sector };
        segments.CopyTo((Span<BlockSegment>)request.Segments);
        return Put(request);
    }

    public ulong PutIndirect(BlockOperation operation, ulong sector, BlockSegment[] segments, GrantedFrame list, int? count = null)
    {
        list.Page.CopyFrom(0, MemoryMarshal.AsBytes<BlockSegment>(segments));
        var request = new BlockIndirectRequest
        {
            Operation = BlockOperation.Indirect, IndirectOperation = operation, SegmentCount = (ushort)(count ?? segments.Length), Id = ++_lastId, Sector = sector,
        };
        request.SegmentPages[0] = list.Grant;
        return Put(Reshape(request));
    }

    public ulong PutDiscard(ulong sector, ulong count, BlockDiscardFlags flags = BlockDiscardFlags.None)
        => Put(Reshape(new BlockDiscardRequest { Operation = BlockOperation.Discard, Flags = flags, Id = ++_lastId, Sector = sector, SectorCount = count }));

    public ulong Put(BlockRequest request)
    {
        if (!Ring.TryPut(request))
            throw new InvalidOperationException("The ring is full.");
        return _lastId;
    }

    /// <summary>Shows the back end what was put.</summary>
    public void Push()
    {
        if (Ring.Publish())
            Channel.Notify();
    }

    public async Task<BlockStatus> AnswerAsync(ulong id) => (await ResponseAsync(id)).Status;

    public async Task<BlockResponse> ResponseAsync(ulong id)
    {
        BlockResponse response;
        while (!_responses.Remove(id, out response))
        {
            var result = Ring.TryTake(out var taken);
            if (result == RingResult.Corrupt)
                throw new InvalidOperationException(Ring.Corruption);
            if (result == RingResult.Done)
                _responses.Add(taken.Id, taken);
            else if (!Ring.FinalCheck())
                await Channel.WaitAsync();
        }
        return response;
    }

    /// <summary>One request from its putting to its answer.</summary>
    public Task<BlockStatus> DoAsync(BlockOperation operation, ulong sector, params BlockSegment[] segments)
    {
        var id = Put(operation, sector, segments);
        Push();
        return AnswerAsync(id);
    }

    private static BlockRequest Reshape<T>(in T request) where T : unmanaged
    {
        var entry = default(BlockRequest);
        MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in request)).CopyTo(MemoryMarshal.AsBytes(new Span<BlockRequest>(ref entry)));
        return entry;
    }

    private static string Text(uint number) => number.ToString(CultureInfo.InvariantCulture);
}

internal readonly record struct GrantedFrame(SharedPage Page, GrantRef Grant)
{
    public BlockSegment Whole => Part(0, 7);

    public byte[] Bytes
    {
        get
        {
            var bytes = new byte[PageSize.Bytes];
            Page.CopyTo(0, bytes);
            return bytes;
        }
    }

    public BlockSegment Part(byte first, byte last) => new() { GrantRef = Grant, FirstSector = first, LastSector = last };

    public GrantedFrame Fill(int seed)
    {
        var bytes = new byte[PageSize.Bytes];
        new Random(seed).NextBytes(bytes);
        Page.CopyFrom(0, bytes);
        return this;
    }
}
