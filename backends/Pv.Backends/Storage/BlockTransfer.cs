using Pv.Abi;
using Pv.Machine;

namespace Pv.Backends.Storage;

/// <summary>
/// One request to a storage, made once by whoever submits it and used again and again: nothing is allocated for a transfer.
/// </summary>
/// <remarks>
/// From <see cref="IBlockStorage.Submit"/> to <see cref="Complete"/> it is the storage's, and nobody else changes it; so is the memory that
/// its vectors point to.
/// </remarks>
public abstract class BlockTransfer
{
    private HostVector[] _vectors;

    /// <param name="vectors">How many vectors it has room for.</param>
    protected BlockTransfer(int vectors) => _vectors = new HostVector[vectors];

    public BlockAction Action { get; set; }

    /// <summary>A write that completes only when it is on the disk.</summary>
    public bool ForceUnitAccess { get; set; }

    /// <summary>In bytes, a multiple of the storage's sector.</summary>
    public long Offset { get; set; }

    /// <summary>In bytes: the sum of the vectors, or the length of the range to discard.</summary>
    public long Length { get; set; }

    /// <summary>Where the bytes come from or go to, in their order. None is empty, nor is any alignment promised.</summary>
    public ReadOnlySpan<HostVector> Vectors => _vectors.AsSpan(0, VectorCount);

    /// <summary>How many of the vectors count.</summary>
    public int VectorCount { get; private set; }

    /// <summary>The storage's own, to chain what waits.</summary>
    public BlockTransfer? Next { get; set; }

    /// <summary>Forgets the vectors.</summary>
    public void ClearVectors()
    {
        VectorCount = 0;
        Length = 0;
    }

    /// <summary>Adds a vector behind the others, or to the last one where it adjoins it; counts its length.</summary>
    public void Add(HostVector vector)
    {
        Length += vector.Length;
        if (VectorCount > 0 && _vectors[VectorCount - 1].TryJoin(vector, out var joined))
        {
            _vectors[VectorCount - 1] = joined;
            return;
        }
        if (VectorCount == _vectors.Length)
            Array.Resize(ref _vectors, Math.Max(4, _vectors.Length * 2));
        _vectors[VectorCount++] = vector;
    }

    /// <summary>
    /// The storage is done with it; called once for each submission, by any thread, perhaps before <see cref="IBlockStorage.Submit"/> returns.
    /// It may be submitted again as soon as this is called. It must not block.
    /// </summary>
    public abstract void Complete(Errno error);
}
