using System.Diagnostics;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Backends.Storage;

/// <summary>A raw image in a file, or a block device of the host.</summary>
/// <remarks>
/// What the host has in memory is read on the submitter's thread, as are writes as long as the host takes them at once; all else
/// goes to threads of the storage's own, so that a ring's requests are at the medium together.
/// </remarks>
public sealed class FileStorage : IBlockStorage
{
    /// <summary>The sector of a file, in bytes.</summary>
    public const int FileSector = 512;

    /// <summary>What the host's page cache writes without reading first, in bytes.</summary>
    private const int CachePage = 4096;

    /// <summary>A write that took longer than this waited for the medium.</summary>
    private static readonly long SlowTicks = Stopwatch.Frequency / 1000;

    private readonly HostFile _file;
    private readonly TransferWorkers _workers;
    private readonly TransferFailures _failures;
    private bool _readsTellWaiting = true;
    private long _writesWaitUntil;
    private long _capacity;

    private FileStorage(HostFile file, bool isReadOnly, bool discards, Action<string> report)
    {
        _file = file;
        _failures = new TransferFailures(file.Path, report);
        IsReadOnly = isReadOnly;
        _workers = new TransferWorkers($"disk {Path.GetFileName(file.Path)}", Execute);
        var (logical, physical) = file.GetSectorSizes();
        LogicalSectorSize = logical == 0 ? FileSector : logical;
        PhysicalSectorSize = physical == 0 ? CachePage : physical;
        _capacity = file.GetLength() / LogicalSectorSize * LogicalSectorSize;
        Features = BlockFeatures.Flush | BlockFeatures.ForceUnitAccess;
        if (discards && !isReadOnly && OperatingSystem.IsLinux())
        {
            Features |= BlockFeatures.Discard;
            DiscardGranularity = Math.Max(CachePage, PhysicalSectorSize);
        }
    }

    public long Capacity => Volatile.Read(ref _capacity);

    public int LogicalSectorSize { get; }

    public int PhysicalSectorSize { get; }

    public bool IsReadOnly { get; }

    public BlockFeatures Features { get; }

    public int DiscardGranularity { get; }

    /// <summary>Opens an image or device.</summary>
    /// <param name="path">Of a file or block device.</param>
    /// <param name="isReadOnly">Whether writes are refused.</param>
    /// <param name="discards">Whether the guest may give parts back.</param>
    /// <param name="report">Gets a line for a log about what fails; may be left out.</param>
    /// <exception cref="StorageException">It does not exist, cannot be opened, or is no file.</exception>
    public static FileStorage Open(string path, bool isReadOnly, bool discards = true, Action<string>? report = null)
    {
        // Before it is opened: a pipe would wait for somebody at its other end.
        switch (HostFile.Identify(path).Kind)
        {
            case HostFileKind.Directory:
                throw new StorageException($"{path} is a directory");
            case HostFileKind.Other:
                throw new StorageException($"{path} is neither a file nor a block device");
        }
        HostFile? file = null;
        try
        {
            file = HostFile.Open(path, !isReadOnly);
            return new FileStorage(file, isReadOnly, discards, report ?? (static _ => { }));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            file?.Dispose();
            throw new StorageException(failure switch
            {
                FileNotFoundException or DirectoryNotFoundException => $"{path} does not exist",
                UnauthorizedAccessException => $"{path} cannot be opened for {(isReadOnly ? "reading" : "reading and writing")}: permission denied",
                // The exception has the host's number, which is Xen's.
                IOException { HResult: (int)Errno.EROFS } => $"{path} cannot be opened for reading and writing: it can only be read",
                _ => $"{path} cannot be opened: {failure.Message}",
            }, failure);
        }
    }

    public void Submit(ReadOnlySpan<BlockTransfer> batch)
    {
        foreach (var transfer in batch)
        {
            if (!TryAtOnce(transfer))
                _workers.Post(transfer);
        }
    }

    /// <summary>Looks again how long the medium is. True: it changed.</summary>
    public bool RefreshCapacity()
    {
        var now = _file.GetLength() / LogicalSectorSize * LogicalSectorSize;
        return Interlocked.Exchange(ref _capacity, now) != now;
    }

    public ValueTask DisposeAsync()
    {
        _workers.Dispose();
        _file.Dispose();
        return ValueTask.CompletedTask;
    }

    private bool TryAtOnce(BlockTransfer transfer)
    {
        switch (transfer.Action)
        {
            case BlockAction.Read when Volatile.Read(ref _readsTellWaiting):
                return TryReadCached(transfer);
            case BlockAction.Write when !transfer.ForceUnitAccess && Stopwatch.GetTimestamp() >= Volatile.Read(ref _writesWaitUntil):
                var start = Stopwatch.GetTimestamp();
                var error = Move(transfer);
                var end = Stopwatch.GetTimestamp();
                // The host makes writers wait: for a while they wait elsewhere, and reads go on.
                if (end - start > SlowTicks)
                    Volatile.Write(ref _writesWaitUntil, end + Stopwatch.Frequency);
                Complete(transfer, error);
                return true;
            default:
                return false;
        }
    }

    private bool TryReadCached(BlockTransfer transfer)
    {
        var read = _file.ReadCachedAt(transfer.Vectors, transfer.Offset);
        if (read == transfer.Length)
        {
            transfer.Complete(Errno.None);
            return true;
        }
        // A file system that cannot tell would make the submitter wait.
        if (read == -(long)Errno.EOPNOTSUPP)
            Volatile.Write(ref _readsTellWaiting, false);
        return false;
    }

    private void Execute(BlockTransfer transfer) => Complete(transfer, transfer.Action switch
    {
        BlockAction.Read or BlockAction.Write => Move(transfer),
        BlockAction.Flush => _file.Flush(),
        BlockAction.Discard => _file.Discard(transfer.Offset, transfer.Length),
        _ => Errno.EOPNOTSUPP,
    });

    private void Complete(BlockTransfer transfer, Errno error)
    {
        _failures.Note(transfer, error);
        transfer.Complete(error);
    }

    /// <summary>Reads or writes all of a transfer; the host may do it in parts.</summary>
    private Errno Move(BlockTransfer transfer)
    {
        var done = 0L;
        var vectors = transfer.Vectors;
        var skip = 0;
        while (done < transfer.Length)
        {
            var moved = skip > 0 ? MovePart(transfer, [vectors[0].Slice(skip)], done) : MovePart(transfer, vectors, done);
            if (moved == -(long)Errno.EINTR)
                continue;
            if (moved < 0)
                return (Errno)(int)-moved;
            // The medium is shorter than it was.
            if (moved == 0)
                return Errno.EIO;
            done += moved;
            for (moved += skip, skip = 0; !vectors.IsEmpty && moved >= vectors[0].Length; vectors = vectors[1..])
                moved -= vectors[0].Length;
            skip = (int)moved;
        }
        return Errno.None;
    }

    private long MovePart(BlockTransfer transfer, ReadOnlySpan<HostVector> vectors, long done) => transfer switch
    {
        { Action: BlockAction.Read } => _file.ReadAt(vectors, transfer.Offset + done),
        { ForceUnitAccess: true } => _file.WriteDurablyAt(vectors, transfer.Offset + done),
        _ => _file.WriteAt(vectors, transfer.Offset + done),
    };
}
