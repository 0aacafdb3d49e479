using Pv.Abi;
using Pv.Backends.Storage;

namespace Pv.Tests.Backends;

/// <summary>A storage in memory that notes what is asked of it, and can be told to hold transfers back or to fail them.</summary>
internal sealed class MemoryStorage(int sectors, int sectorSize = 512, bool isReadOnly = false, BlockFeatures features = BlockFeatures.Flush | BlockFeatures.Discard) : IBlockStorage
{
    private readonly Lock _lock = new();
    private readonly List<BlockTransfer> _held = [];

    public byte[] Bytes { get; private set; } = new byte[sectors * sectorSize];

    public List<string> Journal { get; } = [];

    /// <summary>How many transfers each submission had.</summary>
    public List<int> Batches { get; } = [];

    public bool HoldsBack { get; set; }

    public Errno Error { get; set; }

    public bool IsDisposed { get; private set; }

    public int HeldCount
    {
        get
        {
            lock (_lock)
                return _held.Count;
        }
    }

    public long Capacity { get; private set; } = (long)sectors * sectorSize;

    public int LogicalSectorSize => sectorSize;

    public int PhysicalSectorSize => Math.Max(4096, sectorSize);

    public bool IsReadOnly => isReadOnly;

    public BlockFeatures Features => features;

    public int DiscardGranularity => 4096;

    public void Grow(int newSectors)
    {
        var bytes = new byte[newSectors * sectorSize];
        Bytes.CopyTo(bytes, 0);
        (Bytes, Capacity) = (bytes, bytes.Length);
    }

    public void Submit(ReadOnlySpan<BlockTransfer> batch)
    {
        lock (_lock)
        {
            Batches.Add(batch.Length);
            foreach (var transfer in batch)
                Journal.Add(transfer.Action == BlockAction.Flush ? "Flush" : $"{transfer.Action} {transfer.Offset}+{transfer.Length}{(transfer.ForceUnitAccess ? " FUA" : "")}");
            if (HoldsBack)
            {
                _held.AddRange(batch);
                return;
            }
        }
        foreach (var transfer in batch)
            Do(transfer);
    }

    /// <summary>Does what was held back, the last first.</summary>
    public void Release()
    {
        BlockTransfer[] held;
        lock (_lock)
        {
            HoldsBack = false;
            held = [.. _held];
            _held.Clear();
        }
        foreach (var transfer in held.Reverse())
            Do(transfer);
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    private void Do(BlockTransfer transfer)
    {
        if (Error != Errno.None)
        {
            transfer.Complete(Error);
            return;
        }
        var at = (int)transfer.Offset;
        if (transfer.Action == BlockAction.Discard)
            Bytes.AsSpan(at, (int)transfer.Length).Clear();
        if (transfer.Action is BlockAction.Read or BlockAction.Write)
        {
            foreach (var vector in transfer.Vectors)
            {
                var bytes = Bytes.AsSpan(at, vector.Length);
                if (transfer.Action == BlockAction.Read)
                    bytes.CopyTo(vector.Bytes);
                else
                    vector.Bytes.CopyTo(bytes);
                at += vector.Length;
            }
        }
        transfer.Complete(Errno.None);
    }
}
