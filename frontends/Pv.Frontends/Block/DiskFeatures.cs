using System.Globalization;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>How a back end makes durable what it acknowledged.</summary>
public enum BlockFlush
{
    /// <summary>Nothing to ask for: what is acknowledged is as durable as it gets.</summary>
    None,

    /// <summary><see cref="BlockOperation.FlushDiskCache"/>.</summary>
    Flush,

    /// <summary>An empty <see cref="BlockOperation.WriteBarrier"/>.</summary>
    Barrier,
}

/// <summary>A disk as its back end describes it in the store (<c>public/io/blkif.h</c>).</summary>
public sealed record DiskFeatures
{
    /// <summary>In 512 bytes, whatever the sector size.</summary>
    public required ulong Sectors { get; init; }

    /// <summary>What requests are multiples of, in bytes: a power of two from 512 to 4096.</summary>
    public required int SectorSize { get; init; }

    /// <summary>What the disk writes without reading first, in bytes.</summary>
    public required int PhysicalSectorSize { get; init; }

    public required BlockDeviceInfo Info { get; init; }

    public bool IsReadOnly => (Info & BlockDeviceInfo.ReadOnly) != 0;

    public bool IsCdRom => (Info & BlockDeviceInfo.CdRom) != 0;

    public required BlockFlush Flush { get; init; }

    public required bool CanDiscard { get; init; }

    public required bool CanDiscardSecurely { get; init; }

    /// <summary>What discards should be multiples of, in bytes; 0: not said.</summary>
    public required uint DiscardGranularity { get; init; }

    /// <summary>Where the first such multiple begins, in bytes.</summary>
    public required uint DiscardAlignment { get; init; }

    /// <summary>The back end keeps mapped what it mapped once, and this side lets it.</summary>
    public required bool PersistentGrants { get; init; }

    /// <summary>Segments of a request, in this connection.</summary>
    public required int Segments { get; init; }

    /// <summary>Rings of this connection.</summary>
    public required int Queues { get; init; }

    /// <summary>Requests that one ring holds.</summary>
    public required int RingSize { get; init; }

    /// <summary>Reads what a connected back end says.</summary>
    /// <exception cref="BlockException">It says what cannot be.</exception>
    internal static async Task<DiskFeatures> ReadAsync(IXenStoreNodes store, string backend, BlockFrontendOptions options, int queues, int ringSize)
    {
        var sectors = await NumberAsync("sectors", null);
        var sectorSize = await NumberAsync("sector-size", null);
        if (sectorSize is not (512 or 1024 or 2048 or 4096))
            throw new BlockException($"the back end says that a sector has {sectorSize} bytes");
        if (sectors is 0 or > ulong.MaxValue / 512)
            throw new BlockException($"the back end says that the disk has {sectors} sectors");
        var indirect = await NumberAsync("feature-max-indirect-segments", 0);
        var canFlush = await NumberAsync("feature-flush-cache", 0) != 0;
        var hasBarrier = await NumberAsync("feature-barrier", 0) != 0;
        return new DiskFeatures
        {
            Sectors = sectors,
            SectorSize = (int)sectorSize,
            PhysicalSectorSize = (int)Math.Clamp(await NumberAsync("physical-sector-size", sectorSize), sectorSize, int.MaxValue),
            Info = (BlockDeviceInfo)await NumberAsync("info", 0),
            Flush = canFlush ? BlockFlush.Flush : hasBarrier ? BlockFlush.Barrier : BlockFlush.None,
            CanDiscard = await NumberAsync("feature-discard", 0) != 0,
            CanDiscardSecurely = await NumberAsync("discard-secure", 0) != 0,
            DiscardGranularity = (uint)Math.Min(await NumberAsync("discard-granularity", 0), uint.MaxValue),
            DiscardAlignment = (uint)Math.Min(await NumberAsync("discard-alignment", 0), uint.MaxValue),
            PersistentGrants = options.PersistentGrants && await NumberAsync("feature-persistent", 0) != 0,
            Segments = SegmentsOf(options, indirect),
            Queues = queues,
            RingSize = ringSize,
        };

        async Task<ulong> NumberAsync(string name, ulong? otherwise)
        {
            var text = await store.ReadAsync($"{backend}/{name}");
            if (text is null && otherwise is { } usual)
                return usual;
            return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new BlockException($"the back end says '{text}' for {name}");
        }
    }

    // Indirect requests of fewer segments than a plain one has are good for nothing.
    private static int SegmentsOf(BlockFrontendOptions options, ulong indirect)
    {
        var offered = indirect > BlockLimits.SegmentsPerRequest ? indirect : BlockLimits.SegmentsPerRequest;
        return (int)Math.Min((ulong)options.Segments, offered);
    }
}
