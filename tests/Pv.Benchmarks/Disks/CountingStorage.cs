using Pv.Backends.Storage;

namespace Pv.Benchmarks.Disks;

/// <summary>A storage, with counts of what it is given.</summary>
internal sealed class CountingStorage(IBlockStorage storage) : IBlockStorage
{
    private long _batches, _transfers, _vectors;

    /// <summary>Submissions, transfers in them, and vectors of those.</summary>
    public (long Batches, long Transfers, long Vectors) Counts
        => (Interlocked.Read(ref _batches), Interlocked.Read(ref _transfers), Interlocked.Read(ref _vectors));

    public long Capacity => storage.Capacity;

    public int LogicalSectorSize => storage.LogicalSectorSize;

    public int PhysicalSectorSize => storage.PhysicalSectorSize;

    public bool IsReadOnly => storage.IsReadOnly;

    public BlockFeatures Features => storage.Features;

    public int DiscardGranularity => storage.DiscardGranularity;

    public bool RefreshCapacity() => storage.RefreshCapacity();

    public void Submit(ReadOnlySpan<BlockTransfer> batch)
    {
        Interlocked.Increment(ref _batches);
        Interlocked.Add(ref _transfers, batch.Length);
        var vectors = 0;
        foreach (var transfer in batch)
            vectors += transfer.VectorCount;
        Interlocked.Add(ref _vectors, vectors);
        storage.Submit(batch);
    }

    public ValueTask DisposeAsync() => storage.DisposeAsync();
}
