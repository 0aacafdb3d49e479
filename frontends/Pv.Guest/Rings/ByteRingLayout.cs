using Pv.Abi;

namespace Pv.Guest;

/// <summary>Where one direction of a byte ring stands in its page; all in bytes.</summary>
/// <param name="Data">The first byte of the data.</param>
/// <param name="Size">How many bytes the ring holds: a power of two.</param>
/// <param name="Consumer">The index of the one who reads.</param>
/// <param name="Producer">The index of the one who writes.</param>
public readonly record struct ByteRingLayout(int Data, int Size, int Consumer, int Producer)
{
    /// <summary>A PV console, from the guest to its back end (<c>struct xencons_interface</c>).</summary>
    public static readonly ByteRingLayout ConsoleOut = new(1024, 2048, 3080, 3084);

    /// <summary>A PV console, from the back end to the guest.</summary>
    public static readonly ByteRingLayout ConsoleIn = new(0, 1024, 3072, 3076);

    /// <summary>xenstore, from the guest (<c>struct xenstore_domain_interface</c>).</summary>
    public static readonly ByteRingLayout XenStoreRequests = new(0, XenStoreLimits.RingBytes, 2048, 2052);

    /// <summary>xenstore, to the guest.</summary>
    public static readonly ByteRingLayout XenStoreResponses = new(1024, XenStoreLimits.RingBytes, 2056, 2060);
}
