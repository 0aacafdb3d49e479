using System.Globalization;
using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.Tests.Guest.Live;

namespace Pv.Tests.Frontends;

/// <summary>
/// A block back end in the test's hands: a disk in an array, served over the real store, grants, channels and rings of a
/// <see cref="LiveMachine"/>, one request after the other. It can hold its answers back, tell lies, vanish and come back.
/// </summary>
internal sealed class ScriptedDisk : IAsyncDisposable
{
    public const int SectorBytes = 512, Number = 51712;

    private readonly LiveMachine _machine;
    private readonly DomId _guest;
    private readonly Dictionary<string, string> _features;
    private readonly Lock _lock = new();
    private readonly List<Ring> _rings = [];
    private readonly List<(Ring Ring, BlockRequest Request)> _held = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _following = Task.CompletedTask;
    private IXenStoreWatch? _watch;

    public ScriptedDisk(LiveMachine machine, DomId guest, int sectors = 2048, Dictionary<string, string>? features = null)
    {
        (_machine, _guest) = (machine, guest);
        Content = new byte[sectors * SectorBytes];
        Device = new XenbusDevice("vbd", guest, DomId.Dom0, Number);
        End = XenbusEnd.BackEnd(machine.Store, Device);
        _features = features ?? [];
    }

    public XenbusDevice Device { get; }

    public XenbusEnd End { get; }

    public byte[] Content { get; }

    /// <summary>Requests in the order of their coming: the operation of an indirect one, its first sector, how many segments.</summary>
    public List<(BlockOperation Operation, ulong Sector, int Segments, bool Indirect)> Seen { get; } = [];

    /// <summary>Keeps requests and answers none, until <see cref="Release"/>.</summary>
    public bool Holds { get; set; }

    /// <summary>Changes an answer before it is put; null: nothing is put.</summary>
    public Func<BlockResponse, BlockResponse?> Lie { get; set; } = response => response;

    /// <summary>Answers the opposite way round.</summary>
    public bool Backwards { get; set; }

    /// <summary>How often the guest notified.</summary>
    public int Notifications { get; private set; }

    /// <summary>The nodes of both ends, as the toolstack makes them.</summary>
    public async Task AttachAsync()
    {
        var store = _machine.Store;
        foreach (var (folder, owner, reader) in new[] { (Device.BackEndPath, DomId.Dom0, _guest), (Device.FrontEndPath, _guest, DomId.Dom0) })
        {
            await store.MakeDirectoryAsync(folder);
            await store.SetPermissionsAsync(folder, new(owner, XenStoreAccess.None), new(reader, XenStoreAccess.Read));
        }
        await End.WriteAsync("frontend", Device.FrontEndPath);
        await End.WriteAsync("frontend-id", _guest.Value);
        await End.WriteAsync("online", "1");
        await End.WriteAsync("state", "1");
        foreach (var (node, value) in new[] { ("backend-id", "0"), ("state", "1"), ("virtual-device", $"{Number}"), ("backend", Device.BackEndPath) })
        {
            await store.WriteAsync($"{Device.FrontEndPath}/{node}", value);
            await store.SetPermissionsAsync($"{Device.FrontEndPath}/{node}", new(_guest, XenStoreAccess.None), new(DomId.Dom0, XenStoreAccess.Read));
        }
    }

    /// <summary>Serves from now on: says what it has, and follows the front end.</summary>
    public async Task ServeAsync()
    {
        foreach (var (node, value) in _features)
            await End.WriteAsync(node, value);
        await End.TrySwitchAsync(XenbusState.InitWait);
        _watch = await End.WatchPeerStateAsync();
        _following = FollowAsync(_watch);
    }

    /// <summary>Answers what was held.</summary>
    public void Release()
    {
        lock (_lock)
        {
            Holds = false;
            if (Backwards)
                _held.Reverse();
            foreach (var (ring, request) in _held)
                Answer(ring, request);
            _held.Clear();
            foreach (var ring in _rings)
                ring.Publish();
        }
    }

    /// <summary>Lets go of everything at once and says nothing in the store, as one that crashed.</summary>
    public async Task VanishAsync()
    {
        if (_watch is not null)
            await _watch.DisposeAsync();
        await _following;
        _watch = null;
        Disconnect();
    }

    /// <summary>Waits until the front end is in a state.</summary>
    public async Task ExpectAsync(XenbusState state) => await End.WaitForPeerAsync(state).WaitAsync(LiveMachine.Patience);

    /// <summary>Does something with the rings as they are.</summary>
    public void OnRings(Action<IReadOnlyList<Ring>> action)
    {
        lock (_lock)
            action(_rings);
    }

    public async ValueTask DisposeAsync()
    {
        await VanishAsync();
        _stop.Dispose();
    }

    private async Task FollowAsync(IXenStoreWatch watch)
    {
        await foreach (var _ in watch.Events)
        {
            switch (await End.GetPeerStateAsync())
            {
                case XenbusState.Initialising when await End.GetStateAsync() == XenbusState.Closed:
                    await End.TrySwitchAsync(XenbusState.InitWait);
                    break;
                case XenbusState.Initialised when await End.GetStateAsync() != XenbusState.Connected:
                    await ConnectAsync();
                    break;
                case XenbusState.Closing:
                    await End.TrySwitchAsync(XenbusState.Closing);
                    break;
                case XenbusState.Closed:
                    Disconnect();
                    await End.TrySwitchAsync(XenbusState.Closed);
                    break;
            }
        }
    }

    private async Task ConnectAsync()
    {
        Disconnect();
        var order = int.Parse(await End.ReadPeerAsync("ring-page-order") ?? "0", CultureInfo.InvariantCulture);
        var queues = int.Parse(await End.ReadPeerAsync("multi-queue-num-queues") ?? "1", CultureInfo.InvariantCulture);
        for (var queue = 0; queue < queues; queue++)
        {
            var folder = queues > 1 ? $"queue-{queue}/" : "";
            var grants = new List<GrantRef>();
            for (var page = 0; page < 1 << order; page++)
                grants.Add(new GrantRef(await End.ReadPeerNumberAsync($"{folder}ring-ref{(order > 0 ? $"{page}" : "")}") ?? 0));
            var port = new EventPort(await End.ReadPeerNumberAsync($"{folder}event-channel") ?? 0);
            var mappings = grants.Select(grant => _machine.Dom0.Grants.Map(_guest, grant)).ToArray();
            var ring = new Ring(mappings);
            lock (_lock)
                _rings.Add(ring);
            ring.Channel = _machine.Dom0.Events.BindInterdomain(_guest, port, () => OnEvent(ring));
        }
        foreach (var (node, value) in new[] { ("sectors", $"{Content.Length / SectorBytes}"), ("sector-size", "512"), ("info", "0") })
        {
            if (!_features.ContainsKey(node))
                await End.WriteAsync(node, value);
        }
        await End.TrySwitchAsync(XenbusState.Connected);
    }

    private void Disconnect()
    {
        lock (_lock)
        {
            foreach (var ring in _rings)
                ring.Dispose();
            _rings.Clear();
            _held.Clear();
        }
    }

    private void OnEvent(Ring ring)
    {
        lock (_lock)
        {
            if (!_rings.Contains(ring))
                return;
            Notifications++;
            do
            {
                while (ring.Back.TryTake(out var request) == RingResult.Done)
                    Take(ring, request);
            }
            while (ring.Back.FinalCheck());
            ring.Publish();
        }
    }

    private void Take(Ring ring, BlockRequest request)
    {
        var indirect = Narrow<BlockIndirectRequest>(request);
        var isIndirect = request.Operation == BlockOperation.Indirect;
        Seen.Add(isIndirect
            ? (indirect.IndirectOperation, indirect.Sector, indirect.SegmentCount, true)
            : (request.Operation, request.Sector, request.SegmentCount, false));
        if (Holds)
            _held.Add((ring, request));
        else
            Answer(ring, request);
    }

    private void Answer(Ring ring, BlockRequest request)
    {
        var response = new BlockResponse { Id = request.Id, Operation = request.Operation };
        if (request.Operation is BlockOperation.Read or BlockOperation.Write)
        {
            response.Status = Transfer(request.Operation, request.Sector, ((ReadOnlySpan<BlockSegment>)request.Segments)[..request.SegmentCount]);
        }
        else if (request.Operation == BlockOperation.Indirect)
        {
            var indirect = Narrow<BlockIndirectRequest>(request);
            response.Id = indirect.Id;
            response.Operation = indirect.IndirectOperation;
            var segments = new BlockSegment[indirect.SegmentCount];
            using (var page = _machine.Dom0.Grants.Map(_guest, indirect.SegmentPages[0], readOnly: true))
                page.Page.CopyTo(0, MemoryMarshal.AsBytes(segments.AsSpan()));
            response.Status = Transfer(indirect.IndirectOperation, indirect.Sector, segments);
        }
        else if (request.Operation == BlockOperation.Discard)
        {
            var discard = Narrow<BlockDiscardRequest>(request);
            response.Id = discard.Id;
            Content.AsSpan((int)discard.Sector * SectorBytes, (int)discard.SectorCount * SectorBytes).Clear();
        }
        if (Lie(response) is { } told)
            ring.Back.Put(told);
    }

    private BlockStatus Transfer(BlockOperation operation, ulong sector, ReadOnlySpan<BlockSegment> segments)
    {
        var at = (int)sector * SectorBytes;
        foreach (var segment in segments)
        {
            using var mapping = _machine.Dom0.Grants.Map(_guest, segment.GrantRef);
            var bytes = (segment.LastSector - segment.FirstSector + 1) * SectorBytes;
            if (at + bytes > Content.Length)
                return BlockStatus.Error;
            var part = Content.AsSpan(at, bytes);
            if (operation == BlockOperation.Read)
                mapping.Page.CopyFrom(segment.FirstSector * SectorBytes, part);
            else
                mapping.Page.CopyTo(segment.FirstSector * SectorBytes, part);
            at += bytes;
        }
        return BlockStatus.Okay;
    }

    private static T Narrow<T>(BlockRequest request) where T : unmanaged
        => MemoryMarshal.Read<T>(MemoryMarshal.AsBytes(new ReadOnlySpan<BlockRequest>(in request)));

    /// <summary>A ring as the back end has it.</summary>
    internal sealed class Ring(GrantMapping[] pages) : IDisposable
    {
        public BackRing<BlockRequest, BlockResponse> Back { get; } = new(Array.ConvertAll(pages, page => page.Page));

        public EventChannel? Channel { get; set; }

        /// <summary>The first page, with the indices.</summary>
        public SharedPage Header => pages[0].Page;

        /// <summary>The indices are as the test left them, and stay so.</summary>
        public bool IsSpoilt { get; set; }

        public void Publish()
        {
            if (!IsSpoilt && Back.Publish())
                Channel?.Notify();
        }

        public void Dispose()
        {
            Channel?.Dispose();
            foreach (var page in pages)
                page.Dispose();
        }
    }
}
