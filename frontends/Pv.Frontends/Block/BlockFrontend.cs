using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>How far a front end is.</summary>
public enum BlockFrontendState
{
    /// <summary>Waits for the back end: requests wait, too.</summary>
    Connecting,

    /// <summary>Serves requests.</summary>
    Connected,

    /// <summary>Over for good; <see cref="BlockFrontend.EndReason"/> says why. Requests fail.</summary>
    Ended,
}

/// <summary>
/// A disk of a C# guest: a node <c>device/vbd/N</c> of its store and the back end that serves it. Requests go to the rings as there is room,
/// in order; those that a turn makes go together. A back end that went and came back is connected again and gets what it had not answered.
/// One that writes what cannot be is left for good, with the reason in the store.
/// </summary>
/// <remarks>In turns only. A request allocates nothing once the guest had as many at once before.</remarks>
public sealed class BlockFrontend : IBlockQueueOwner, IAsyncDisposable
{
    /// <summary>What the protocol counts disks in.</summary>
    public const int BytesPerSector = 512;

    private readonly BlockConnection _connection;
    private readonly BlockBuffers _buffers;
    private readonly DiskOperations _operations = new();
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private BlockQueue[] _queues = [];
    private int _nextQueue;

    private BlockFrontend(GuestContext guest, int number, BlockFrontendOptions options)
    {
        Number = number;
        Name = DiskName.Of(number);
        var lingering = new GrantedFrames(guest);
        _buffers = new BlockBuffers(guest, lingering);
        _connection = new BlockConnection(guest, this, options, lingering);
    }

    /// <summary>The virtual device number, by which the configuration names the disk.</summary>
    public int Number { get; }

    /// <summary>What Linux would call it: <c>xvda</c>.</summary>
    public string Name { get; }

    public BlockFrontendState State { get; private set; }

    /// <summary>Why it is over, or null.</summary>
    public string? EndReason { get; private set; }

    /// <summary>The disk, as of the last connection.</summary>
    /// <exception cref="InvalidOperationException">It was never connected.</exception>
    public DiskFeatures Features => FeaturesOrNone ?? throw new InvalidOperationException($"{Name} was not connected yet.");

    public BlockStatistics Statistics { get; } = new();

    /// <summary>Ends when the disk is connected for the first time; fails when it ends before.</summary>
    public Task Connected => _connected.Task;

    /// <summary>Ends when the disk does.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Called at every change of <see cref="State"/>.</summary>
    public event Action<BlockFrontend>? Changed;

    /// <summary>As <see cref="Features"/>, or null.</summary>
    public DiskFeatures? FeaturesOrNone { get; private set; }

    /// <summary>Requests that some ring has and that are not answered.</summary>
    internal int Outstanding
    {
        get
        {
            var count = 0;
            foreach (var queue in _queues)
                count += queue.Outstanding;
            return count;
        }
    }

    /// <summary>Opens the node <c>device/vbd/<paramref name="number"/></c>, and connects it in a task of its own.</summary>
    public static BlockFrontend Open(GuestContext guest, int number, BlockFrontendOptions? options = null)
    {
        var disk = new BlockFrontend(guest, number, options ?? BlockFrontendOptions.Default);
        guest.Spawn(disk._connection.RunAsync);
        return disk;
    }

    /// <summary>Memory for requests, rounded up to whole pages. With persistent grants the disk keeps what is given back, for the next.</summary>
    /// <exception cref="OutOfMemoryException">The guest has too few free frames.</exception>
    public BlockBuffer Allocate(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        return _buffers.Allocate(bytes);
    }

    /// <summary>Reads from a sector (of 512 bytes) on into a part of a buffer. Offset and length are in bytes, multiples of the sector size.</summary>
    /// <exception cref="BlockException">The back end could not, or the disk is over.</exception>
    /// <exception cref="ArgumentException">That is no part of the disk or of the buffer.</exception>
    public ValueTask ReadAsync(ulong sector, BlockBuffer buffer, int offset, int length)
        => TransferAsync(DiskOperationKind.Read, sector, buffer, offset, length);

    /// <summary>Writes a part of a buffer. What is acknowledged is durable after the next <see cref="FlushAsync"/>.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public ValueTask WriteAsync(ulong sector, BlockBuffer buffer, int offset, int length)
    {
        if (FeaturesOrNone is { IsReadOnly: true })
            return Refused($"{Name} is read-only");
        return TransferAsync(DiskOperationKind.Write, sector, buffer, offset, length);
    }

    /// <summary>Ends when every write that was acknowledged before is durable.</summary>
    /// <exception cref="BlockException">The back end could not, or the disk is over.</exception>
    public ValueTask FlushAsync() => Features.Flush == BlockFlush.None ? ValueTask.CompletedTask : Begin(DiskOperationKind.Flush, 0, 1);

    /// <summary>Gives sectors (of 512 bytes) back to the disk; what they hold afterwards is the disk's affair.</summary>
    /// <param name="sector">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="secure">Nothing of them may be readable by any means afterwards.</param>
    /// <exception cref="BlockException">The disk has no such thing, or the back end could not.</exception>
    public ValueTask DiscardAsync(ulong sector, ulong count, bool secure = false)
    {
        CheckRange(sector, count);
        if (!Features.CanDiscard || (secure && !Features.CanDiscardSecurely))
            return Refused($"{Name} has no {(secure ? "secure " : "")}discard", BlockStatus.NotSupported);
        return count == 0 ? ValueTask.CompletedTask : Begin(secure ? DiskOperationKind.SecureDiscard : DiskOperationKind.Discard, sector, count);
    }

    /// <summary>Lets the requests that are under way end, and gives the disk up. Those that still wait for room fail.</summary>
    public async ValueTask DisposeAsync()
    {
        _connection.Close();
        await _ended.Task;
    }

    void IBlockQueueOwner.Answered()
    {
        Pump();
        if (State != BlockFrontendState.Connected && Outstanding == 0)
            _connection.Look();
    }

    void IBlockQueueOwner.RingLost(string reason)
    {
        Pause();
        _connection.Lose(reason);
    }

    internal void ServedBy(DomId backend) => _buffers.ServedBy(backend);

    /// <summary>Rings to offer to a back end.</summary>
    internal void UseQueues(BlockQueue[] queues) => _queues = queues;

    /// <summary>The back end is connected: what waits goes to it.</summary>
    internal void Resume(DiskFeatures features)
    {
        FeaturesOrNone = features;
        _buffers.Keep(features.PersistentGrants);
        _connected.TrySetResult();
        Become(BlockFrontendState.Connected);
        Pump();
    }

    /// <summary>The disk is still what it was, or has grown.</summary>
    internal void Describe(DiskFeatures features) => FeaturesOrNone = features;

    /// <summary>Nothing more goes to the rings for now.</summary>
    internal void Pause()
    {
        if (State == BlockFrontendState.Connected)
            Become(BlockFrontendState.Connecting);
    }

    /// <summary>Leaves the rings; what they had waits again.</summary>
    internal void Disconnect()
    {
        Pause();
        var lost = _queues.SelectMany(queue => queue.TakeUnanswered()).Distinct().ToArray();
        foreach (var queue in _queues)
            queue.Close();
        _queues = [];
        _operations.Requeue(lost);
    }

    /// <summary>The disk is over.</summary>
    internal void End(string reason)
    {
        Disconnect();
        _buffers.Keep(isPersistent: false);
        EndReason = reason;
        Become(BlockFrontendState.Ended);
        while (_operations.First is { } operation)
        {
            operation.Fail(new BlockException($"{Name} is over: {reason}"));
            _operations.RemoveFirst();
            operation.Complete();
        }
        if (_connected.TrySetException(new BlockException($"{Name} is over: {reason}")))
            _ = _connected.Task.Exception;
        _ended.TrySetResult();
    }

    private ValueTask TransferAsync(DiskOperationKind kind, ulong sector, BlockBuffer buffer, int offset, int length)
    {
        buffer.Check(offset, length);
        CheckRange(sector, (ulong)length / BytesPerSector);
        if (((offset | length) & (Features.SectorSize - 1)) != 0)
            throw new ArgumentException($"Requests of {Name} are in multiples of {Features.SectorSize} bytes.");
        return length == 0 ? ValueTask.CompletedTask : Begin(kind, sector, (ulong)length, buffer, offset);
    }

    private ValueTask Begin(DiskOperationKind kind, ulong sector, ulong length, BlockBuffer? buffer = null, int offset = 0)
    {
        if (State == BlockFrontendState.Ended)
            return Refused($"{Name} is over: {EndReason}");
        var operation = _operations.Add(kind, sector, length, buffer, offset);
        Pump();
        return new ValueTask(operation, operation.Version);
    }

    private void CheckRange(ulong sector, ulong count)
    {
        if (sector > Features.Sectors || count > Features.Sectors - sector)
            throw new ArgumentOutOfRangeException(nameof(sector), $"{Name} has {Features.Sectors} sectors, not {count} from {sector} on.");
        if (((sector | count) & ((ulong)(Features.SectorSize / BytesPerSector) - 1)) != 0)
            throw new ArgumentException($"Requests of {Name} are in multiples of {Features.SectorSize} bytes.");
    }

    private static ValueTask Refused(string why, BlockStatus status = BlockStatus.Error) => ValueTask.FromException(new BlockException(why, status));

    /// <summary>Puts what waits, as far as the rings have room.</summary>
    private void Pump()
    {
        while (State == BlockFrontendState.Connected && _operations.First is { } operation)
        {
            while (operation.Position < operation.Length && !operation.HasFailed)
            {
                if (!TryPut(operation))
                    return;
            }
            _operations.RemoveFirst();
            // One that failed with the rest of it not put has no answer to wait for, maybe.
            if (operation.Outstanding == 0)
                operation.Complete();
        }
    }

    private bool TryPut(DiskOperation operation)
    {
        for (var tries = 0; tries < _queues.Length; tries++)
        {
            var queue = _queues[_nextQueue];
            _nextQueue = (_nextQueue + 1) % _queues.Length;
            if (queue.TryPut(operation, Features))
                return true;
        }
        return false;
    }

    private void Become(BlockFrontendState state)
    {
        if (State == state)
            return;
        State = state;
        Changed?.Invoke(this);
    }
}
