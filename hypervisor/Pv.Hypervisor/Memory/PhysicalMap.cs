using Pv.Abi;

namespace Pv.Hypervisor.Memory;

/// <summary>What stands behind an entry of a physical map, and so what happens when it is removed.</summary>
internal enum PhysicalMapKind : byte
{
    Empty = 0,

    /// <summary>A frame of the domain itself.</summary>
    Own = 1,

    /// <summary>A frame that the hypervisor shares with the domain.</summary>
    Xen = 2,

    /// <summary>A foreign frame, with a reference to it.</summary>
    Foreign = 3,

    /// <summary>A frame of another domain, mapped by a grant; only unmapping the grant removes it.</summary>
    Grant = 4,

    /// <summary>The same without the right to write: the frame may be its owner's page table.</summary>
    ReadOnlyGrant = 5,
}

/// <summary>The physical-to-machine map of an auto-translated domain (a C# guest, Dom0).</summary>
/// <remarks>Read without a lock by the domain's own code; written under the domain's page lock.</remarks>
internal sealed class PhysicalMap
{
    private const int ChunkShift = 9, ChunkLength = 1 << ChunkShift;
    private const int KindShift = 56;
    private const ulong MfnMask = (1ul << KindShift) - 1;

    /// <summary>Frame numbers from here on cannot be mapped: 1 TiB.</summary>
    public const ulong Limit = 1ul << 28;

    private ulong[]?[] _chunks = new ulong[]?[16];

    /// <summary>One more than the highest frame number that was ever mapped.</summary>
    public ulong End { get; private set; }

    public PhysicalMapKind Get(Pfn pfn, out Mfn mfn)
    {
        var chunks = Volatile.Read(ref _chunks);
        var index = pfn.Value >> ChunkShift;
        if (index < (ulong)chunks.Length && chunks[index] is { } chunk)
        {
            var entry = Volatile.Read(ref chunk[pfn.Value & (ChunkLength - 1)]);
            mfn = new Mfn(entry & MfnMask);
            return (PhysicalMapKind)(entry >> KindShift);
        }
        mfn = Mfn.Invalid;
        return PhysicalMapKind.Empty;
    }

    public void Set(Pfn pfn, PhysicalMapKind kind, Mfn mfn)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(pfn.Value, Limit, nameof(pfn));
        var index = pfn.Value >> ChunkShift;
        if (index >= (ulong)_chunks.Length)
        {
            var longer = new ulong[]?[System.Numerics.BitOperations.RoundUpToPowerOf2(index + 1)];
            _chunks.CopyTo(longer, 0);
            Volatile.Write(ref _chunks, longer);
        }
        var chunk = _chunks[index];
        if (chunk is null)
        {
            chunk = new ulong[ChunkLength];
            Volatile.Write(ref _chunks[index], chunk);
        }
        End = Math.Max(End, pfn.Value + 1);
        Volatile.Write(ref chunk[pfn.Value & (ChunkLength - 1)], kind == PhysicalMapKind.Empty ? 0 : mfn.Value & MfnMask | (ulong)kind << KindShift);
    }

    /// <summary>The frame numbers at which something is mapped, by rising number. Parts that were never used cost nothing.</summary>
    public IEnumerable<Pfn> Mapped()
    {
        var chunks = Volatile.Read(ref _chunks);
        for (var index = 0; index < chunks.Length; index++)
        {
            if (Volatile.Read(ref chunks[index]) is not { } chunk)
                continue;
            for (var i = 0; i < ChunkLength; i++)
            {
                if (Volatile.Read(ref chunk[i]) != 0)
                    yield return new Pfn((ulong)index << ChunkShift | (uint)i);
            }
        }
    }

    /// <summary>Looks for the first frame number from <paramref name="at"/> on at which something is mapped, at so many places at most.</summary>
    public bool TryFindMapped(ref ulong at, int most, out int looks)
    {
        for (looks = 0; looks < most && at < End; looks++)
        {
            if (_chunks[at >> ChunkShift] is not { } chunk)
                at = (at | ChunkLength - 1) + 1;
            else if (Volatile.Read(ref chunk[at & (ChunkLength - 1)]) != 0)
                return true;
            else
                at++;
        }
        return false;
    }

    public void Clear(Pfn pfn) => Set(pfn, PhysicalMapKind.Empty, default);
}
