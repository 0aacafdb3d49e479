using Pv.Backends.Storage;

namespace Pv.Backends.Block;

/// <summary>What a block back end is given by whoever runs it.</summary>
public sealed class BlockBackendOptions
{
    /// <summary>The most rings of a device.</summary>
    public int MaxQueues { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 8);

    /// <summary>The most pages of a ring, as a power of two: 16 pages hold 512 requests.</summary>
    public int MaxRingPageOrder { get; init; } = 4;

    /// <summary>How often a medium's length is looked at.</summary>
    public TimeSpan ResizePeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Opens what a device's nodes name. Throws <see cref="StorageException"/> with the sentence for <c>hotplug-error</c>.</summary>
    public Func<StorageRequest, Task<IBlockStorage>> OpenAsync { get; init; } = StorageOpener.OpenAsync;
}
