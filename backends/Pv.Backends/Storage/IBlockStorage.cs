namespace Pv.Backends.Storage;

/// <summary>What stands behind a virtual disk: a file, a block device, an image served by somebody.</summary>
/// <remarks>
/// Any thread. Transfers are done in any order, as on a disk: only what was completed before a flush was submitted is covered by it, and
/// whoever wants an order waits. <see cref="IAsyncDisposable.DisposeAsync"/> is called when nothing is outstanding.
/// </remarks>
public interface IBlockStorage : IAsyncDisposable
{
    /// <summary>In bytes, a multiple of <see cref="LogicalSectorSize"/>. It changes only when the medium was made longer or shorter.</summary>
    long Capacity { get; }

    /// <summary>The unit of offsets and lengths, in bytes: 512 or more.</summary>
    int LogicalSectorSize { get; }

    /// <summary>The unit that the medium writes without reading first, in bytes.</summary>
    int PhysicalSectorSize { get; }

    bool IsReadOnly { get; }

    BlockFeatures Features { get; }

    /// <summary>The unit of discards, in bytes; 0 without <see cref="BlockFeatures.Discard"/>.</summary>
    int DiscardGranularity { get; }

    /// <summary>Why nothing can be read or written, in one sentence; null while the storage serves.</summary>
    string? Fault => null;

    /// <summary>Called by any thread after <see cref="Fault"/> became another. It must not block.</summary>
    event Action FaultChanged { add { } remove { } }

    /// <summary>Looks again how long the medium is, where that can change. True: <see cref="Capacity"/> is another now.</summary>
    bool RefreshCapacity() => false;

    /// <summary>
    /// Takes transfers: all that one visit of a ring found, or a part of it where the storage did an earlier part at once; never waits for a slow medium. Each is inside the capacity, and is no write to what is read-only,
    /// and only what <see cref="Features"/> promises: the submitter saw to that. Each completes, whatever happens.
    /// </summary>
    /// <remarks>The span is the submitter's again when this returns.</remarks>
    void Submit(ReadOnlySpan<BlockTransfer> batch);
}
