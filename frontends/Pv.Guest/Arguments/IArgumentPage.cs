namespace Pv.Guest;

/// <summary>
/// 4096 bytes that the caller can fill and the hypervisor can reach: a frame of a C# guest, or pinned memory of Dom0.
/// The wrappers of hypercalls are written once over it.
/// </summary>
/// <remarks>One thread at a time.</remarks>
public interface IArgumentPage
{
    /// <summary>The page's first byte, as the caller's door takes addresses.</summary>
    ulong Address { get; }

    /// <summary>Copies into the page.</summary>
    void Write(int offset, ReadOnlySpan<byte> bytes);

    /// <summary>Copies out of the page, once.</summary>
    void Read(int offset, Span<byte> bytes);
}
