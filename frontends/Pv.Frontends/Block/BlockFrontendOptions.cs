using Pv.Abi;

namespace Pv.Frontends;

/// <summary>What a front end asks for where the back end offers it.</summary>
public sealed record BlockFrontendOptions
{
    /// <summary>The largest ring that the protocol's grants allow: 16 pages.</summary>
    public const int LargestRingPageOrder = 4;

    /// <summary>The most segments that anybody uses in a request: 1 MiB of pages.</summary>
    public const int LargestSegmentCount = 256;

    /// <summary>What most guests want: one ring of two pages (64 requests), persistent grants, requests of up to 1 MiB.</summary>
    public static BlockFrontendOptions Default { get; } = new();

    /// <summary>The ring has 2 to this power pages, at most; 0 to <see cref="LargestRingPageOrder"/>. A page holds 32 requests.</summary>
    public int RingPageOrder
    {
        get;
        init => field = value is >= 0 and <= LargestRingPageOrder ? value : throw new ArgumentOutOfRangeException(nameof(value));
    } = 1;

    /// <summary>How many rings, at most.</summary>
    public int Queues
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value));
    } = 1;

    /// <summary>Lets the back end keep the buffers mapped. It costs no copy: a <see cref="BlockBuffer"/> stays granted in any case.</summary>
    public bool PersistentGrants { get; init; } = true;

    /// <summary>
    /// Segments (pages, at most) of one request. More than <see cref="BlockLimits.SegmentsPerRequest"/> need indirect requests;
    /// no more than that uses none.
    /// </summary>
    public int Segments
    {
        get;
        init => field = value is > 0 and <= LargestSegmentCount ? value : throw new ArgumentOutOfRangeException(nameof(value));
    } = LargestSegmentCount;
}
