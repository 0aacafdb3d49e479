using Pv.Backends.Storage;

namespace Pv.Backends.Block;

/// <summary>What a block back end is given by whoever runs it.</summary>
public sealed class BlockBackendOptions
{
    /// <summary>As many rings as are offered of a device where there are pCPUs enough.</summary>
    public const int UsualQueues = 8;

    /// <summary>The most rings of a device.</summary>
    public int MaxQueues { get; init; } = UsualQueues;

    /// <summary>The most pages of a ring, as a power of two: 16 pages hold 512 requests.</summary>
    public int MaxRingPageOrder { get; init; } = 4;

    /// <summary>How often a medium's length is looked at.</summary>
    public TimeSpan ResizePeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Which front ends are offered persistent grants.</summary>
    public PersistentGrants PersistentGrants { get; init; }

    /// <summary>Opens what a device's nodes name. Throws <see cref="StorageException"/> with the sentence for <c>hotplug-error</c>.</summary>
    public required Func<StorageRequest, Task<IBlockStorage>> OpenAsync { get; init; }
}
